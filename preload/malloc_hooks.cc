// The C allocation family. Each hook: one subtract and a branch (allocating) or one load and a
// branch (freeing), then a jump to the real function; everything else is in cold functions.
//
// A cold function is entered by a jump from its hook, so its caller is the program's own call.

#include <errno.h>

#include <cstddef>

#include "preload/bootstrap_arena.h"
#include "preload/export.h"
#include "preload/next_symbol.h"
#include "runtime/session.h"

namespace limpet {
namespace {

#define LIMPET_COLD [[gnu::cold, gnu::noinline]]

bool Passes(std::size_t bytes) { return t_thread.sampler.Passes(bytes); }

LIMPET_COLD void* SampledMalloc(std::size_t bytes) {
  SampleWeight weight = session::OnCharge(bytes);
  void* block = g_next.malloc(bytes);
  session::OnAllocation(block, bytes, weight, sys::CaptureCaller());
  return block;
}

LIMPET_COLD void* SampledCalloc(std::size_t count, std::size_t bytes) {
  SampleWeight weight = session::OnCharge(count * bytes);
  void* block = g_next.calloc(count, bytes);
  session::OnAllocation(block, count * bytes, weight, sys::CaptureCaller());
  return block;
}

LIMPET_COLD int SampledPosixMemalign(void** block, std::size_t alignment, std::size_t bytes) {
  SampleWeight weight = session::OnCharge(bytes);
  int result = g_next.posix_memalign(block, alignment, bytes);
  session::OnAllocation(result == 0 ? *block : nullptr, bytes, weight, sys::CaptureCaller());
  return result;
}

// The real function comes in a parameter, so that these two serve five hooks.
LIMPET_COLD void* SampledAligned(std::size_t alignment, std::size_t bytes,
                                 void* (*next)(std::size_t, std::size_t)) {
  SampleWeight weight = session::OnCharge(bytes);
  void* block = next(alignment, bytes);
  session::OnAllocation(block, bytes, weight, sys::CaptureCaller());
  return block;
}

LIMPET_COLD void* SampledPaged(std::size_t bytes, void* (*next)(std::size_t)) {
  SampleWeight weight = session::OnCharge(bytes);
  void* block = next(bytes);
  session::OnAllocation(block, bytes, weight, sys::CaptureCaller());
  return block;
}

// True when `block` was the bootstrap arena's and nothing is left to do.
bool ForgetKnown(const void* block) {
  if (bootstrap_arena::Holds(block)) return true;
  session::OnFree(block);
  return false;
}

LIMPET_COLD void SlowFree(void* block) {
  if (!ForgetKnown(block)) g_next.free(block);
}

// A block of the arena cannot be resized by the real allocator: it is copied out of it.
LIMPET_COLD void* MoveOutOfArena(const void* block, std::size_t bytes) {
  void* moved = g_next.malloc(bytes);
  std::size_t behind = bootstrap_arena::BytesBehind(block);
  if (moved != nullptr) __builtin_memcpy(moved, block, bytes < behind ? bytes : behind);
  return moved;
}

enum class Charge : bool { kPassed, kMarked };

// Detach, call, reattach on failure. realloc(p, 0) that returns nullptr has freed.
void* ResizeKnown(void* block, std::size_t bytes) {
  if (bootstrap_arena::Holds(block)) return MoveOutOfArena(block, bytes);
  SlotId slot = block == nullptr ? SlotId::kNone : session::OnReallocStart(block);
  void* resized = g_next.realloc(block, bytes);
  if (resized == nullptr && bytes != 0)
    session::OnReallocFailed(slot);
  else
    session::OnReallocDone(slot);
  return resized;
}

LIMPET_COLD void* SlowRealloc(void* block, std::size_t bytes, Charge charge) {
  sys::CallerFrame caller = sys::CaptureCaller();
  SampleWeight weight = charge == Charge::kMarked ? session::OnCharge(bytes) : kNotSampled;
  void* resized = ResizeKnown(block, bytes);
  session::OnAllocation(resized, bytes, weight, caller);
  return resized;
}

inline void* Resize(void* block, std::size_t bytes) {
  if (!Passes(bytes)) [[unlikely]]
    return SlowRealloc(block, bytes, Charge::kMarked);
  if (g_free_filter.MayHold(block)) [[unlikely]]
    return SlowRealloc(block, bytes, Charge::kPassed);
  return g_next.realloc(block, bytes);
}

}  // namespace

extern "C" {

void* HookMalloc(std::size_t bytes) LIMPET_EXPORT("malloc");
void* HookCalloc(std::size_t count, std::size_t bytes) LIMPET_EXPORT("calloc");
void* HookRealloc(void* block, std::size_t bytes) LIMPET_EXPORT("realloc");
void* HookReallocarray(void* block, std::size_t count, std::size_t bytes)
    LIMPET_EXPORT("reallocarray");
void HookFree(void* block) LIMPET_EXPORT("free");
void HookFreeSized(void* block, std::size_t bytes) LIMPET_EXPORT("free_sized");
void HookFreeAlignedSized(void* block, std::size_t alignment, std::size_t bytes)
    LIMPET_EXPORT("free_aligned_sized");
int HookPosixMemalign(void** block, std::size_t alignment, std::size_t bytes)
    LIMPET_EXPORT("posix_memalign");
void* HookAlignedAlloc(std::size_t alignment, std::size_t bytes) LIMPET_EXPORT("aligned_alloc");
void* HookMemalign(std::size_t alignment, std::size_t bytes) LIMPET_EXPORT("memalign");
void* HookValloc(std::size_t bytes) LIMPET_EXPORT("valloc");
void* HookPvalloc(std::size_t bytes) LIMPET_EXPORT("pvalloc");

void* HookMalloc(std::size_t bytes) {
  if (Passes(bytes)) [[likely]]
    return g_next.malloc(bytes);
  return SampledMalloc(bytes);
}

void* HookCalloc(std::size_t count, std::size_t bytes) {
  std::size_t total = 0;
  bool overflows = __builtin_mul_overflow(count, bytes, &total);
  if (overflows || Passes(total)) [[likely]]
    return g_next.calloc(count, bytes);
  return SampledCalloc(count, bytes);
}

void* HookRealloc(void* block, std::size_t bytes) { return Resize(block, bytes); }

// glibc's goes through the exported realloc, others' may not: this one always does, so that a block
// is counted once.
void* HookReallocarray(void* block, std::size_t count, std::size_t bytes) {
  std::size_t total = 0;
  if (!__builtin_mul_overflow(count, bytes, &total)) return Resize(block, total);
  errno = ENOMEM;
  return nullptr;
}

void HookFree(void* block) {
  if (!g_free_filter.MayHold(block)) [[likely]]
    return g_next.free(block);
  SlowFree(block);
}

void HookFreeSized(void* block, std::size_t bytes) {
  if (g_next.free_sized == nullptr) return HookFree(block);
  if (g_free_filter.MayHold(block) && ForgetKnown(block)) return;
  g_next.free_sized(block, bytes);
}

void HookFreeAlignedSized(void* block, std::size_t alignment, std::size_t bytes) {
  if (g_next.free_aligned_sized == nullptr) return HookFree(block);
  if (g_free_filter.MayHold(block) && ForgetKnown(block)) return;
  g_next.free_aligned_sized(block, alignment, bytes);
}

int HookPosixMemalign(void** block, std::size_t alignment, std::size_t bytes) {
  if (Passes(bytes)) [[likely]]
    return g_next.posix_memalign(block, alignment, bytes);
  return SampledPosixMemalign(block, alignment, bytes);
}

void* HookAlignedAlloc(std::size_t alignment, std::size_t bytes) {
  if (Passes(bytes)) [[likely]]
    return g_next.aligned_alloc(alignment, bytes);
  return SampledAligned(alignment, bytes, g_next.aligned_alloc);
}

void* HookMemalign(std::size_t alignment, std::size_t bytes) {
  if (Passes(bytes)) [[likely]]
    return g_next.memalign(alignment, bytes);
  return SampledAligned(alignment, bytes, g_next.memalign);
}

void* HookValloc(std::size_t bytes) {
  if (Passes(bytes)) [[likely]]
    return g_next.valloc(bytes);
  return SampledPaged(bytes, g_next.valloc);
}

void* HookPvalloc(std::size_t bytes) {
  if (Passes(bytes)) [[likely]]
    return g_next.pvalloc(bytes);
  return SampledPaged(bytes, g_next.pvalloc);
}

}  // extern "C"

}  // namespace limpet
