// Anonymous mappings made by the program itself, a profile of its own that LIMPET_MMAP switches on.

#include <stdarg.h>
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

std::uint64_t AddressOf(const void* pointer) { return reinterpret_cast<std::uint64_t>(pointer); }

std::size_t RoundToPages(std::size_t bytes) {
  return (bytes + sys::kPageBytes - 1) & ~(sys::kPageBytes - 1);
}

[[gnu::cold, gnu::noinline]] void* TracedMmap(void* hint, std::size_t bytes, int protection,
                                              int flags, int descriptor, off_t offset) {
  sys::CallerFrame caller = sys::CaptureCaller();
  // Replaces what lies there; a failing MAP_FIXED may have unmapped it already (mmap(2), BUGS).
  bool replaces = (flags & MAP_FIXED) != 0;
  if (replaces) session::OnUnmap(AddressOf(hint), RoundToPages(bytes));
  void* mapping = g_next_mmap.get()(hint, bytes, protection, flags, descriptor, offset);
  bool is_anonymous = (flags & MAP_ANONYMOUS) != 0;
  if (mapping != MAP_FAILED && is_anonymous)
    session::OnMap(AddressOf(mapping), RoundToPages(bytes), caller);
  return mapping;
}

[[gnu::cold, gnu::noinline]] int TracedMunmap(void* mapping, std::size_t bytes) {
  bool is_valid = AddressOf(mapping) % sys::kPageBytes == 0 && bytes != 0;
  if (is_valid) session::OnUnmap(AddressOf(mapping), RoundToPages(bytes));
  return g_next_munmap.get()(mapping, bytes);
}

[[gnu::cold, gnu::noinline]] void* TracedMremap(void* mapping, std::size_t old_bytes,
                                                std::size_t bytes, int flags, void* target) {
  sys::CallerFrame caller = sys::CaptureCaller();
  bool was_known = session::IsMapped(AddressOf(mapping));
  void* moved = g_next_mremap.get()(mapping, old_bytes, bytes, flags, target);
  if (moved == MAP_FAILED || !was_known) return moved;
  // After the call, because a failing one changes nothing. Another thread may have been given the
  // old address meanwhile only if the mapping moved.
  session::OnUnmap(AddressOf(mapping), RoundToPages(old_bytes));
  session::OnMap(AddressOf(moved), RoundToPages(bytes), caller);
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
void* HookMremap(void* mapping, std::size_t old_bytes, std::size_t bytes, int flags, ...)
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

void* HookMremap(void* mapping, std::size_t old_bytes, std::size_t bytes, int flags, ...) {
  // The fifth argument counts only with MREMAP_FIXED or MREMAP_DONTUNMAP; reading it without is
  // harmless on x86-64, where it is a register.
  va_list arguments;
  va_start(arguments, flags);
  void* target = va_arg(arguments, void*);
  va_end(arguments);
  if (!session::TracesMappings()) [[likely]] {
    return g_next_mremap.get()(mapping, old_bytes, bytes, flags, target);
  }
  return TracedMremap(mapping, old_bytes, bytes, flags, target);
}

}  // extern "C"

}  // namespace limpet
