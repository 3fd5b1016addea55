// operator new and delete, for allocators that serve them without malloc.
//
//   libstdc++'s operator new calls malloc: seen there, so these hooks only pass it on.
//   jemalloc's and tcmalloc's take memory themselves: these hooks record it.
//
// Which of the two is decided once for each operator: the allocator's own lies in the same object
// as its malloc. All arguments travel in registers, so one shape of three words serves every
// overload.
//
// A C++ plug-in of a C program brings its library along, out of the global scope. Its operators are
// found at its first call, by reading, because its constructor may wait for this thread with the
// loader's lock held. One plug-in's serve all, and all of them together: what one operator new has
// made, another library's delete may not know.

#include <dlfcn.h>

#include <cstddef>
#include <cstdint>

#include "preload/export.h"
#include "preload/next_symbol.h"
#include "runtime/elf/any_object.h"
#include "runtime/elf/reachable_objects.h"
#include "runtime/session.h"
#include "runtime/stack/loaded_object.h"

namespace limpet {
namespace {

using New = void* (*)(std::size_t, std::size_t, std::size_t);
using Delete = void (*)(void*, std::size_t, std::size_t);

template <class Function>
struct Operator {
  const char* name;
  Function fallback;
  Function function;      // nullptr until its first call
  bool is_recorded_here;  // and not by the hooks of malloc and free
};

std::uint64_t AddressOf(const void* code) { return reinterpret_cast<std::uint64_t>(code); }

std::uint64_t OwnAddress() { return AddressOf(reinterpret_cast<void*>(&AddressOf)); }

// Without the finder (glibc 2.34) the loader is asked, which happens only at load: there, nothing
// is found later.
std::uint64_t ObjectOf(std::uint64_t address) {
  LoadedObject object;
  if (FindLoadedObject(address, &object)) return object.map_start;
  Dl_info info = {};
  bool is_known = dladdr(reinterpret_cast<void*>(address), &info) != 0;
  return is_known ? AddressOf(info.dli_fbase) : 0;
}

bool IsAllocatorsOwn(std::uint64_t found) {
  return ObjectOf(found) == ObjectOf(AddressOf(reinterpret_cast<void*>(g_next.malloc)));
}

template <class Function>
bool IsBound(const Operator<Function>& op) {
  return __atomic_load_n(&op.function, __ATOMIC_RELAXED) != nullptr;
}

// The first one stays: another thread may have used it already.
template <class Function>
void Publish(Operator<Function>& op, std::uint64_t found, bool is_recorded_here) {
  Function unbound = nullptr;
  Function function = found == 0 ? op.fallback : reinterpret_cast<Function>(found);
  if (IsBound(op)) return;
  op.is_recorded_here = is_recorded_here;
  __atomic_compare_exchange_n(&op.function, &unbound, function, /*weak=*/false, __ATOMIC_RELEASE,
                              __ATOMIC_RELAXED);
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

// Where no C++ library is in sight, malloc serves, as it does behind libstdc++'s. Without memory
// the library's own is needed after all: it calls the new_handler, or throws.
[[gnu::cold, gnu::noinline]] void* NewWithoutMemory(std::size_t bytes, std::size_t b, std::size_t c,
                                                    const char* name) {
  auto next = reinterpret_cast<New>(FindInAnyObject(name, OwnAddress()));
  return next == nullptr ? nullptr : next(bytes, b, c);
}

template <auto& kOperator>
void* NewByMalloc(std::size_t bytes, std::size_t b, std::size_t c) {
  void* block = g_next.malloc(bytes);
  return block != nullptr ? block : NewWithoutMemory(bytes, b, c, kOperator.name);
}

template <auto& kOperator>
void* NewByAlignedAlloc(std::size_t bytes, std::size_t alignment, std::size_t c) {
  void* block = g_next.aligned_alloc(alignment, bytes);
  return block != nullptr ? block : NewWithoutMemory(bytes, alignment, c, kOperator.name);
}

void DeleteByFree(void* block, std::size_t, std::size_t) { g_next.free(block); }

[[gnu::always_inline]] inline void* CallNew(Operator<New>& op, std::size_t bytes, std::size_t b,
                                            std::size_t c);
[[gnu::always_inline]] inline void CallDelete(Operator<Delete>& op, void* block, std::size_t b,
                                              std::size_t c);
void BindFromCaller(std::uint64_t caller);

[[gnu::cold, gnu::noinline]] void* SampledNew(std::size_t bytes, std::size_t b, std::size_t c,
                                              New next) {
  SampleWeight weight = session::OnCharge(bytes);
  void* block = next(bytes, b, c);
  session::OnAllocation(block, bytes, weight, sys::CaptureCaller());
  return block;
}

template <class Function>
void BindFirst(Operator<Function>& op, const void* caller) {
  ResolveNextSymbols();
  BindNewHooks();
  if (!IsBound(op)) BindFromCaller(AddressOf(caller) - 1);
  if (!IsBound(op)) Publish(op, 0, /*is_recorded_here=*/true);
}

// Entered by a jump like the others, so that the return address is the program's.
[[gnu::cold, gnu::noinline]] void* FirstNew(std::size_t bytes, std::size_t b, std::size_t c,
                                            Operator<New>& op) {
  BindFirst(op, __builtin_return_address(0));
  return CallNew(op, bytes, b, c);
}

[[gnu::cold, gnu::noinline]] void FirstDelete(void* block, std::size_t b, std::size_t c,
                                              Operator<Delete>& op) {
  BindFirst(op, __builtin_return_address(0));
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
  if (!op.is_recorded_here || t_thread.sampler.Passes(bytes)) [[likely]]
    return next(bytes, b, c);
  return SampledNew(bytes, b, c, next);
}

[[gnu::always_inline]] inline void CallDelete(Operator<Delete>& op, void* block, std::size_t b,
                                              std::size_t c) {
  Delete next = __atomic_load_n(&op.function, __ATOMIC_ACQUIRE);
  if (next == nullptr) [[unlikely]]
    return FirstDelete(block, b, c, op);
  if (op.is_recorded_here && g_free_filter.MayHold(block)) [[unlikely]]
    return SlowDelete(block, b, c, next);
  next(block, b, c);
}

#define LIMPET_NEW_OPERATORS(X)                                               \
  X(_Znwm, NewByMalloc)               /* new(size_t) */                       \
  X(_Znam, NewByMalloc)               /* new[](size_t) */                     \
  X(_ZnwmRKSt9nothrow_t, NewByMalloc) /* new(size_t, nothrow) */              \
  X(_ZnamRKSt9nothrow_t, NewByMalloc)                                         \
  X(_ZnwmSt11align_val_t, NewByAlignedAlloc) /* new(size_t, align_val_t) */   \
  X(_ZnamSt11align_val_t, NewByAlignedAlloc)                                  \
  X(_ZnwmSt11align_val_tRKSt9nothrow_t, NewByAlignedAlloc) /* ..., nothrow */ \
  X(_ZnamSt11align_val_tRKSt9nothrow_t, NewByAlignedAlloc)

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

// NOLINTBEGIN(bugprone-macro-parentheses): the fallback is a template's name
#define LIMPET_DEFINE_NEW(symbol, fallback) \
  constinit Operator<New> g_op##symbol = {#symbol, fallback<g_op##symbol>, nullptr, false};
// NOLINTEND(bugprone-macro-parentheses)
#define LIMPET_DEFINE_DELETE(symbol) \
  constinit Operator<Delete> g_op##symbol = {#symbol, DeleteByFree, nullptr, false};
LIMPET_NEW_OPERATORS(LIMPET_DEFINE_NEW)
LIMPET_DELETE_OPERATORS(LIMPET_DEFINE_DELETE)

#define LIMPET_VISIT_NEW(symbol, fallback) visit(g_op##symbol);
#define LIMPET_VISIT_DELETE(symbol) visit(g_op##symbol);

template <class Visit>
void ForEachOperator(Visit visit) {
  LIMPET_NEW_OPERATORS(LIMPET_VISIT_NEW)
  LIMPET_DELETE_OPERATORS(LIMPET_VISIT_DELETE)
}

// The second word is an alignment or the address of std::nothrow, which nobody reads.
void BindTo(Operator<New>& op, std::uint64_t found) {
  constexpr std::size_t kProbeAlignment = 64;
  bool is_own =
      IsAllocatorsOwn(found) && !GoesThroughHooks(reinterpret_cast<New>(found), kProbeAlignment, 0);
  Publish(op, found, is_own);
}

void BindTo(Operator<Delete>& op, std::uint64_t found) {
  Publish(op, found, IsAllocatorsOwn(found));
}

template <class Function>
void BindToNext(Operator<Function>& op) {
  void* found = FindNext(op.name);
  if (found != nullptr) BindTo(op, AddressOf(found));
}

// Those that this plug-in's library has not are looked for from the next one's that calls them.
void BindFromCaller(std::uint64_t caller) {
  ReachableObjects objects(caller, OwnAddress());
  bool has_library = objects.Find(g_op_Znwm.name) != 0;
  ForEachOperator([&](auto& op) {
    std::uint64_t found = has_library && !IsBound(op) ? objects.Find(op.name) : 0;
    if (found != 0) BindTo(op, found);
    if (!has_library) Publish(op, 0, /*is_recorded_here=*/true);
  });
}

bool IsLoaded(std::uint64_t address) {
  LoadedObject object;
  return FindLoadedObject(address, &object);
}

constinit bool g_is_bound = false;

}  // namespace

// Those that are in reach; the others belong to plug-ins that come later.
void BindNewHooks() {
  if (__atomic_load_n(&g_is_bound, __ATOMIC_ACQUIRE)) return;  // pairs with the release below
  BindObjectFinder();
  // In a C program nothing more is looked up: each look-up in vain would allocate.
  if (FindNext(g_op_Znwm.name) != nullptr) ForEachOperator([](auto& op) { BindToNext(op); });
  __atomic_store_n(&g_is_bound, true, __ATOMIC_RELEASE);
}

void ForgetUnloadedOperators() {
  if (!IsLoaded(OwnAddress())) return;  // no finder: what is bound was there at load
  ForEachOperator([](auto& op) {
    auto function = __atomic_load_n(&op.function, __ATOMIC_RELAXED);
    if (function == nullptr || IsLoaded(reinterpret_cast<std::uint64_t>(function))) return;
    __atomic_store_n(&op.function, nullptr, __ATOMIC_RELAXED);
  });
}

extern "C" {

#define LIMPET_HOOK_NEW(symbol, fallback)                                                     \
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
