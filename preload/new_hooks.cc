// operator new and delete, for allocators that serve them without malloc.
//
//   libstdc++'s operator new calls malloc: seen there, so these hooks only pass it on.
//   jemalloc's and tcmalloc's take memory themselves: these hooks record it.
//
// Which of the two is decided once for each operator: the allocator's own lies in the same object
// as its malloc. All arguments travel in registers, so one shape of three words serves every
// overload.

#include <dlfcn.h>

#include <cstddef>

#include "preload/export.h"
#include "preload/next_symbol.h"
#include "runtime/session.h"

namespace limpet {
namespace {

using New = void* (*)(std::size_t, std::size_t, std::size_t);
using Delete = void (*)(void*, std::size_t, std::size_t);

template <class Function>
struct Operator {
  const char* name;
  Function function;  // nullptr until its first call
  bool is_allocators_own;
};

const void* ObjectOf(const void* function) {
  Dl_info info = {};
  return dladdr(function, &info) == 0 ? nullptr : info.dli_fbase;
}

// Behind us in the global scope; else, for a C++ plug-in of a C program, in the scope of the
// caller.
void* FindOperator(const char* name, const void* caller) {
  void* found = FindNext(name);
  Dl_info info = {};
  void* caller_object = nullptr;
  if (found != nullptr) return found;
  if (dladdr1(caller, &info, &caller_object, RTLD_DL_LINKMAP) == 0) return nullptr;
  found = dlsym(caller_object, name);
  // A program that only asks whether there is one (a weak reference) finds ours.
  bool is_ours = ObjectOf(found) == ObjectOf(reinterpret_cast<void*>(&FindOperator));
  return is_ours ? nullptr : found;
}

bool IsAllocatorsOwn(void* found) {
  return found != nullptr && ObjectOf(found) == ObjectOf(reinterpret_cast<void*>(g_next.malloc));
}

template <class Function>
void Publish(Operator<Function>& op, void* found, Function fallback) {
  Function function = found == nullptr ? fallback : reinterpret_cast<Function>(found);
  __atomic_store_n(&op.function, function, __ATOMIC_RELEASE);
}

// An allocator's own operator may still go through the exported malloc or aligned_alloc, which our
// hooks record already (jemalloc's aligned operators do). One allocation shows it: did it charge
// the sampler?
bool GoesThroughHooks(New function, std::size_t b, std::size_t c) {
  constexpr std::size_t kProbeBytes = 64;
  ByteSampler kept = t_thread.sampler;
  t_thread.sampler = ByteSampler::Parked();
  g_next.free(function(kProbeBytes, b, c));
  bool is_charged = !(t_thread.sampler == ByteSampler::Parked());
  t_thread.sampler = kept;
  return is_charged;
}

// No C++ library is in reach of a caller that needs one: nothing is known to lead here.
void* NewByMalloc(std::size_t bytes, std::size_t, std::size_t) { return g_next.malloc(bytes); }
void DeleteByFree(void* block, std::size_t, std::size_t) { g_next.free(block); }

[[gnu::always_inline]] inline void* CallNew(Operator<New>& op, std::size_t bytes, std::size_t b,
                                            std::size_t c);
[[gnu::always_inline]] inline void CallDelete(Operator<Delete>& op, void* block, std::size_t b,
                                              std::size_t c);
void SetNew(Operator<New>& op, void* found, std::size_t b, std::size_t c);
void SetDelete(Operator<Delete>& op, void* found);

[[gnu::cold, gnu::noinline]] void* SampledNew(std::size_t bytes, std::size_t b, std::size_t c,
                                              New next) {
  SampleWeight weight = session::OnCharge(bytes);
  void* block = next(bytes, b, c);
  session::OnAllocation(block, bytes, weight, sys::CaptureCaller());
  return block;
}

// Entered by a jump like the others, so that the return address is the program's.
[[gnu::cold, gnu::noinline]] void* FirstNew(std::size_t bytes, std::size_t b, std::size_t c,
                                            Operator<New>& op) {
  ResolveNextSymbols();
  SetNew(op, FindOperator(op.name, __builtin_return_address(0)), b, c);
  return CallNew(op, bytes, b, c);
}

[[gnu::cold, gnu::noinline]] void FirstDelete(void* block, std::size_t b, std::size_t c,
                                              Operator<Delete>& op) {
  ResolveNextSymbols();
  SetDelete(op, FindOperator(op.name, __builtin_return_address(0)));
  CallDelete(op, block, b, c);
}

[[gnu::cold, gnu::noinline]] void SlowDelete(void* block, std::size_t b, std::size_t c,
                                             Delete next) {
  session::OnFree(block);
  next(block, b, c);
}

[[gnu::always_inline]] inline void* CallNew(Operator<New>& op, std::size_t bytes, std::size_t b,
                                            std::size_t c) {
  New next = __atomic_load_n(&op.function, __ATOMIC_ACQUIRE);  // pairs with the release in Publish
  if (next == nullptr) [[unlikely]]
    return FirstNew(bytes, b, c, op);
  if (!op.is_allocators_own || t_thread.sampler.Passes(bytes)) [[likely]]
    return next(bytes, b, c);
  return SampledNew(bytes, b, c, next);
}

[[gnu::always_inline]] inline void CallDelete(Operator<Delete>& op, void* block, std::size_t b,
                                              std::size_t c) {
  Delete next = __atomic_load_n(&op.function, __ATOMIC_ACQUIRE);
  if (next == nullptr) [[unlikely]]
    return FirstDelete(block, b, c, op);
  if (op.is_allocators_own && g_free_filter.MayHold(block)) [[unlikely]]
    return SlowDelete(block, b, c, next);
  next(block, b, c);
}

#define LIMPET_NEW_OPERATORS(X)                                                 \
  X(_Znwm)               /* new(size_t) */                                      \
  X(_Znam)               /* new[](size_t) */                                    \
  X(_ZnwmRKSt9nothrow_t) /* new(size_t, nothrow) */                             \
  X(_ZnamRKSt9nothrow_t)                                                        \
  X(_ZnwmSt11align_val_t) /* new(size_t, align_val_t) */                        \
  X(_ZnamSt11align_val_t)                                                       \
  X(_ZnwmSt11align_val_tRKSt9nothrow_t) /* new(size_t, align_val_t, nothrow) */ \
  X(_ZnamSt11align_val_tRKSt9nothrow_t)

#define LIMPET_DELETE_OPERATORS(X)       \
  X(_ZdlPv) /* delete(void*) */          \
  X(_ZdaPv)                              \
  X(_ZdlPvm) /* delete(void*, size_t) */ \
  X(_ZdaPvm)                             \
  X(_ZdlPvRKSt9nothrow_t)                \
  X(_ZdaPvRKSt9nothrow_t)                \
  X(_ZdlPvSt11align_val_t)               \
  X(_ZdaPvSt11align_val_t)               \
  X(_ZdlPvmSt11align_val_t)              \
  X(_ZdaPvmSt11align_val_t)              \
  X(_ZdlPvSt11align_val_tRKSt9nothrow_t) \
  X(_ZdaPvSt11align_val_tRKSt9nothrow_t)

#define LIMPET_DEFINE_NEW(symbol) constinit Operator<New> g_op##symbol = {#symbol, nullptr, false};
#define LIMPET_DEFINE_DELETE(symbol) \
  constinit Operator<Delete> g_op##symbol = {#symbol, nullptr, false};
LIMPET_NEW_OPERATORS(LIMPET_DEFINE_NEW)
LIMPET_DELETE_OPERATORS(LIMPET_DEFINE_DELETE)

void SetNew(Operator<New>& op, void* found, std::size_t b, std::size_t c) {
  op.is_allocators_own =
      IsAllocatorsOwn(found) && !GoesThroughHooks(reinterpret_cast<New>(found), b, c);
  Publish<New>(op, found, NewByMalloc);
}

void SetDelete(Operator<Delete>& op, void* found) {
  op.is_allocators_own = IsAllocatorsOwn(found);
  Publish<Delete>(op, found, DeleteByFree);
}

// Those that are in reach; the others belong to plug-ins that come later, and are looked for from
// there. The second word is an alignment or the address of std::nothrow, which nobody reads.
void BindNew(Operator<New>& op) {
  constexpr std::size_t kProbeAlignment = 64;
  void* found = FindNext(op.name);
  if (found != nullptr) SetNew(op, found, kProbeAlignment, 0);
}

void BindDelete(Operator<Delete>& op) {
  void* found = FindNext(op.name);
  if (found != nullptr) SetDelete(op, found);
}

}  // namespace

void BindNewHooks() {
#define LIMPET_BIND_NEW(symbol) BindNew(g_op##symbol);
#define LIMPET_BIND_DELETE(symbol) BindDelete(g_op##symbol);
  if (FindNext("_Znwm") == nullptr) return;  // a C program: each look-up in vain would allocate
  LIMPET_NEW_OPERATORS(LIMPET_BIND_NEW)
  LIMPET_DELETE_OPERATORS(LIMPET_BIND_DELETE)
}

extern "C" {

#define LIMPET_HOOK_NEW(symbol)                                                               \
  void* Hook##symbol(std::size_t bytes, std::size_t b, std::size_t c) LIMPET_EXPORT(#symbol); \
  void* Hook##symbol(std::size_t bytes, std::size_t b, std::size_t c) {                       \
    return CallNew(g_op##symbol, bytes, b, c);                                                \
  }

#define LIMPET_HOOK_DELETE(symbol)                                                     \
  void Hook##symbol(void* block, std::size_t b, std::size_t c) LIMPET_EXPORT(#symbol); \
  void Hook##symbol(void* block, std::size_t b, std::size_t c) {                       \
    CallDelete(g_op##symbol, block, b, c);                                             \
  }

LIMPET_NEW_OPERATORS(LIMPET_HOOK_NEW)
LIMPET_DELETE_OPERATORS(LIMPET_HOOK_DELETE)

}  // extern "C"

}  // namespace limpet
