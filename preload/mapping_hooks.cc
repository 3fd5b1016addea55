// Anonymous mappings made by the program itself, a profile of its own that LIMPET_MMAP switches on.

#include <sys/mman.h>

#include "preload/export.h"
#include "preload/next_symbol.h"
#include "runtime/session.h"
#include "runtime/sys/private_pages.h"

namespace limpet {
namespace {

using Mmap = void* (*)(void*, std::size_t, int, int, int, off_t);
NextFunction<Mmap> g_next_mmap("mmap");
NextFunction<int (*)(void*, std::size_t)> g_next_munmap("munmap");
NextFunction<void* (*)(void*, std::size_t, std::size_t, int, void*)> g_next_mremap("mremap");

// Whole pages, as the kernel takes them.
AddressRange RangeAt(const void* start, std::size_t bytes) {
  auto address = reinterpret_cast<std::uint64_t>(start);
  return {address, address + ((bytes + sys::kPageBytes - 1) & ~(sys::kPageBytes - 1))};
}

// Without MAP_FIXED too something may be recorded there: what was unmapped by a way that no hook
// sees.
void RecordPlace(const AddressRange& range, bool is_anonymous, std::uint64_t moment,
                 const sys::CallerFrame& caller) {
  if (is_anonymous) return session::OnMap(range, caller);
  session::OnUnmap(range, moment);
}

[[gnu::cold, gnu::noinline]] void* TracedMmap(void* hint, std::size_t bytes, int protection,
                                              int flags, int descriptor, off_t offset) {
  sys::CallerFrame caller = sys::CaptureCaller();
  std::uint64_t moment = session::MappingMoment();
  void* mapping = g_next_mmap.get()(hint, bytes, protection, flags, descriptor, offset);
  if (mapping == MAP_FAILED) {
    // It may have unmapped what was there all the same (mmap(2), BUGS; Linux before 6.12).
    if ((flags & MAP_FIXED) != 0) session::OnReplaceFailed(RangeAt(hint, bytes), moment);
    return mapping;
  }
  RecordPlace(RangeAt(mapping, bytes), (flags & MAP_ANONYMOUS) != 0, moment, caller);
  return mapping;
}

// One that fails leaves everything as it was.
[[gnu::cold, gnu::noinline]] int TracedMunmap(void* mapping, std::size_t bytes) {
  std::uint64_t moment = session::MappingMoment();
  int result = g_next_munmap.get()(mapping, bytes);
  if (result == 0) session::OnUnmap(RangeAt(mapping, bytes), moment);
  return result;
}

// The old and the new place of what mremap was asked to move.
struct Move {
  AddressRange from;
  AddressRange to;
  bool is_fixed;
  bool leaves_old;  // MREMAP_DONTUNMAP, or a second view of a shared mapping: old size 0
  bool was_known;

  bool IsInPlace() const { return from.start == to.start; }
};

// What shrinks loses its end and stays its mmap's. What grew, moved or was duplicated is what
// mremap was asked for, as with realloc; of a mapping that is not ours we do not know whether it is
// anonymous, so that it stays unknown.
void RecordMove(const Move& move, std::uint64_t moment, const sys::CallerFrame& caller) {
  if (move.IsInPlace() && move.to.end <= move.from.end)
    return session::OnUnmap({move.to.end, move.from.end}, moment);
  if (!move.leaves_old && !move.IsInPlace()) session::OnUnmap(move.from, moment);
  RecordPlace(move.to, move.was_known, moment, caller);
}

[[gnu::cold, gnu::noinline]] void* TracedMremap(void* mapping, std::size_t old_bytes,
                                                std::size_t bytes, int flags, void* target) {
  sys::CallerFrame caller = sys::CaptureCaller();
  std::uint64_t moment = session::MappingMoment();
  AddressRange from = RangeAt(mapping, old_bytes);
  Move move = {
      .from = from,
      .to = RangeAt(target, bytes),
      .is_fixed = (flags & MREMAP_FIXED) != 0,
      .leaves_old = old_bytes == 0 || (flags & MREMAP_DONTUNMAP) != 0,
      // Before the call: later the addresses may be another thread's.
      .was_known = session::IsMapped({from.start, from.IsEmpty() ? from.start + 1 : from.end})};
  void* moved = g_next_mremap.get()(mapping, old_bytes, bytes, flags, target);
  if (moved != MAP_FAILED) {
    move.to = RangeAt(moved, bytes);
    RecordMove(move, moment, caller);
  } else if (move.is_fixed) {
    // It may have made room first: at the target, and of the old end that does not move.
    session::OnReplaceFailed(move.to, moment);
    session::OnReplaceFailed(move.from, moment);
  }
  return moved;
}

}  // namespace

void BindMappingHooks() {
  g_next_mmap.Bind();
  g_next_munmap.Bind();
  g_next_mremap.Bind();
}

extern "C" {

void* HookMmap(void* hint, std::size_t bytes, int protection, int flags, int descriptor,
               off_t offset) LIMPET_EXPORT("mmap");
void* HookMmap64(void* hint, std::size_t bytes, int protection, int flags, int descriptor,
                 off_t offset) LIMPET_EXPORT("mmap64");
int HookMunmap(void* mapping, std::size_t bytes) LIMPET_EXPORT("munmap");
// libc's has `...` for the target, which counts only with MREMAP_FIXED or MREMAP_DONTUNMAP. Named,
// it is the same register on x86-64 and harmless to read, and the hook can jump to what it calls.
void* HookMremap(void* mapping, std::size_t old_bytes, std::size_t bytes, int flags, void* target)
    LIMPET_EXPORT("mremap");

void* HookMmap(void* hint, std::size_t bytes, int protection, int flags, int descriptor,
               off_t offset) {
  if (!session::TracesMappings()) [[likely]] {
    return g_next_mmap.get()(hint, bytes, protection, flags, descriptor, offset);
  }
  return TracedMmap(hint, bytes, protection, flags, descriptor, offset);
}

void* HookMmap64(void* hint, std::size_t bytes, int protection, int flags, int descriptor,
                 off_t offset) {
  return HookMmap(hint, bytes, protection, flags, descriptor, offset);
}

int HookMunmap(void* mapping, std::size_t bytes) {
  if (!session::TracesMappings()) [[likely]]
    return g_next_munmap.get()(mapping, bytes);
  return TracedMunmap(mapping, bytes);
}

void* HookMremap(void* mapping, std::size_t old_bytes, std::size_t bytes, int flags, void* target) {
  if (!session::TracesMappings()) [[likely]] {
    return g_next_mremap.get()(mapping, old_bytes, bytes, flags, target);
  }
  return TracedMremap(mapping, old_bytes, bytes, flags, target);
}

}  // extern "C"

}  // namespace limpet
