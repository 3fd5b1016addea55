// operator new and delete, for allocators that serve them without malloc.
//
//   libstdc++'s operator new calls malloc: seen there, so these hooks would only pass it on.
//   jemalloc's and tcmalloc's take memory themselves: these hooks record it.
//
// Which of the two is decided once for each operator: the allocator's own lies in the same object
// as its malloc. All arguments travel in registers, so one shape of three words serves every
// overload.
//
// Hooks that only pass on are taken out of the loader's sight before it binds the program to them,
// so that its operators cost nothing more. Libraries that it binds before ours still come by.
//
// In a C program there is none behind ours. A C++ plug-in of it brings its library along, out of
// the global scope, or operators of its own; ours would come before both. So those of ours that
// have nothing behind them are taken out of the loader's sight at load, and it binds each plug-in
// as it would without us.

#include <dlfcn.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "preload/export.h"
#include "preload/linked_symbols.h"
#include "preload/next_symbol.h"
#include "preload/own_symbols.h"
#include "runtime/session.h"
#include "runtime/stack/loaded_object.h"

namespace limpet {
namespace {

using New = void* (*)(std::size_t, std::size_t, std::size_t);
using Delete = void (*)(void*, std::size_t, std::size_t);

template <class Function>
struct Operator {
  const char* name;
  Function function;    // until the first call one that binds it
  std::size_t charged;  // all ones: recorded here; 0: by the hooks of malloc and free
};

std::uint64_t AddressOf(const void* code) { return reinterpret_cast<std::uint64_t>(code); }

// Without the finder (glibc 2.34) the loader is asked.
std::uint64_t ObjectOf(std::uint64_t address) {
  LoadedObject object;
  if (FindLoadedObject(address, &object)) return object.map_start;
  Dl_info info = {};
  bool is_known = dladdr(reinterpret_cast<void*>(address), &info) != 0;
  return is_known ? AddressOf(info.dli_fbase) : 0;
}

bool IsAllocatorsOwn(const void* found) {
  std::uint64_t allocator = AddressOf(reinterpret_cast<void*>(g_next.malloc));
  std::uint64_t object = ObjectOf(allocator);
  return object != 0 && ObjectOf(AddressOf(found)) == object;
}

template <class Function>
void Publish(Operator<Function>& op, void* found, bool is_recorded_here) {
  op.charged = is_recorded_here ? ~std::size_t{0} : 0;
  __atomic_store_n(&op.function, reinterpret_cast<Function>(found), __ATOMIC_RELEASE);
}

// An allocator's own operator may still go through the exported malloc or aligned_alloc, which our
// hooks record already (jemalloc's aligned operators do). One allocation shows it: did it charge
// the sampler? It goes back by the delete that belongs to it: an allocator that checks would abort.
bool GoesThroughHooks(New function, Delete release) {
  constexpr std::size_t kProbeBytes = 64;
  constexpr std::size_t kProbeAlignment = 64;  // or the address of std::nothrow, which nobody reads
  ByteSampler kept = t_thread.sampler;
  t_thread.sampler = ByteSampler::Parked();
  release(function(kProbeBytes, kProbeAlignment, 0), kProbeAlignment, 0);
  bool is_charged = !(t_thread.sampler == ByteSampler::Parked());
  t_thread.sampler = kept;
  return is_charged;
}

// For a call that comes all the same where nothing is behind ours: a weak reference of a C program.
void* NewByMalloc(std::size_t bytes, std::size_t, std::size_t) { return g_next.malloc(bytes); }
void DeleteByFree(void* block, std::size_t, std::size_t) { g_next.free(block); }

void BindFirst(Operator<New>& op);
void BindFirst(Operator<Delete>& op);

[[gnu::cold, gnu::noinline]] void* SampledNew(std::size_t bytes, std::size_t b, std::size_t c,
                                              New next) {
  SampleWeight weight = session::OnCharge(bytes);
  void* block = next(bytes, b, c);
  session::OnAllocation(block, bytes, weight, sys::CaptureCaller());
  return block;
}

[[gnu::cold, gnu::noinline]] void ForgetIfCharged(const void* block, std::size_t charged) {
  if (charged != 0) session::OnFree(block);
}

[[gnu::cold, gnu::noinline]] void SlowDelete(void* block, std::size_t b, std::size_t c,
                                             const Operator<Delete>& op) {
  Delete next = __atomic_load_n(&op.function, __ATOMIC_ACQUIRE);  // before what goes with it
  ForgetIfCharged(block, op.charged);
  next(block, b, c);
}

// The acquires pair with the release in Publish.
[[gnu::always_inline]] inline void* CallNew(Operator<New>& op, std::size_t bytes, std::size_t b,
                                            std::size_t c) {
  New next = __atomic_load_n(&op.function, __ATOMIC_ACQUIRE);
  if (t_thread.sampler.PassesCharge((bytes + 1) & op.charged)) [[likely]]
    return next(bytes, b, c);
  return SampledNew(bytes, b, c, next);
}

[[gnu::always_inline]] inline void CallDelete(Operator<Delete>& op, void* block, std::size_t b,
                                              std::size_t c) {
  Delete next = __atomic_load_n(&op.function, __ATOMIC_ACQUIRE);
  if (g_free_filter.MayHold(block)) [[unlikely]]
    return SlowDelete(block, b, c, op);
  next(block, b, c);
}

template <Operator<New>& kOperator>
[[gnu::cold]] void* FirstNew(std::size_t bytes, std::size_t b, std::size_t c) {
  BindFirst(kOperator);
  return CallNew(kOperator, bytes, b, c);
}

template <Operator<Delete>& kOperator>
[[gnu::cold]] void FirstDelete(void* block, std::size_t b, std::size_t c) {
  BindFirst(kOperator);
  CallDelete(kOperator, block, b, c);
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

#define LIMPET_DEFINE_NEW(symbol) \
  constinit Operator<New> g_op##symbol = {#symbol, FirstNew<g_op##symbol>, 0};
#define LIMPET_DEFINE_DELETE(symbol) \
  constinit Operator<Delete> g_op##symbol = {#symbol, FirstDelete<g_op##symbol>, 0};
LIMPET_NEW_OPERATORS(LIMPET_DEFINE_NEW)
LIMPET_DELETE_OPERATORS(LIMPET_DEFINE_DELETE)

// _Zn a|w ... of new, _Zd a|l ... of delete.
const char* DeleteFor(const Operator<New>& op) {
  bool is_array = op.name[3] == 'a';
  bool is_aligned = strstr(op.name, "align_val_t") != nullptr;
  if (is_aligned) return is_array ? g_op_ZdaPvSt11align_val_t.name : g_op_ZdlPvSt11align_val_t.name;
  return is_array ? g_op_ZdaPv.name : g_op_ZdlPv.name;
}

// The allocator may call the operator from inside of the probe, with a lock held: until that is
// over it is passed on.
void BindTo(Operator<New>& op, void* found) {
  Publish(op, found, false);
  void* release = IsAllocatorsOwn(found) ? FindNext(DeleteFor(op)) : nullptr;
  bool is_own = release != nullptr &&
                !GoesThroughHooks(reinterpret_cast<New>(found), reinterpret_cast<Delete>(release));
  Publish(op, found, is_own);
}

void BindTo(Operator<Delete>& op, void* found) { Publish(op, found, IsAllocatorsOwn(found)); }

// True: there is one behind ours.
template <class Function>
bool BindToNext(Operator<Function>& op) {
  void* found = FindNext(op.name);
  if (found != nullptr) BindTo(op, found);
  return found != nullptr;
}

void BindFirst(Operator<New>& op) {
  ResolveNextSymbols();
  BindObjectFinder();
  if (!BindToNext(op)) Publish(op, reinterpret_cast<void*>(&NewByMalloc), true);
}

void BindFirst(Operator<Delete>& op) {
  ResolveNextSymbols();
  BindObjectFinder();
  if (!BindToNext(op)) Publish(op, reinterpret_cast<void*>(&DeleteByFree), true);
}

}  // namespace

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

// --- While the loader relocates ---

// Read from the tables: dlsym allocates where there is none.
static constinit bool g_has_library = false;

// Before constructors. Nothing may be called here that lies outside of this library: it could be
// the program's, or lead through it, and the program is not relocated yet (check_symbols.py looks).
static void HideSharedOperators() {
  const link_map* library = DefinerBehind(g_op_Znwm.name);
  const link_map* allocator = DefinerBehind("malloc");
  g_has_library = library != nullptr;
  if (library == nullptr || allocator == nullptr || library == allocator) return;
  OwnSymbols own_symbols;
#define LIMPET_HIDE(symbol) \
  if (Defines(*library, #symbol)) own_symbols.Hide(#symbol);
  LIMPET_NEW_OPERATORS(LIMPET_HIDE)
  LIMPET_DELETE_OPERATORS(LIMPET_HIDE)
}

extern "C" {

// ld.so relocates the program last, after its libraries, and runs the resolver of an indirect
// function when it relocates the library that calls it: ours. That is the one moment of our own
// before the program is bound.
void LimpetAfterHiding() {}
[[gnu::used]] static void (*LimpetHideBeforeBinding())() {
  HideSharedOperators();
  LookForOptionalSymbols();
  return LimpetAfterHiding;
}
[[gnu::visibility("hidden"), gnu::ifunc("LimpetHideBeforeBinding")]] void LimpetBeforeBinding();

}  // extern "C"

// Where there is no operator new, the others are not looked up: each look-up in vain would
// allocate.
void BindNewHooks() {
  LimpetBeforeBinding();
  BindObjectFinder();
  bool has_library = g_has_library && FindNext(g_op_Znwm.name) != nullptr;
  OwnSymbols own_symbols;
#define LIMPET_BIND(symbol) \
  if (!has_library || !BindToNext(g_op##symbol)) own_symbols.Hide(#symbol);
  LIMPET_NEW_OPERATORS(LIMPET_BIND)
  LIMPET_DELETE_OPERATORS(LIMPET_BIND)
}

}  // namespace limpet
