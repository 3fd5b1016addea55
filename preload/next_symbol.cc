#include "preload/next_symbol.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include <cstdint>

#include "preload/bootstrap_arena.h"
#include "preload/linked_symbols.h"
#include "preload/own_symbols.h"
#include "runtime/sys/errno_keeper.h"

namespace limpet {
namespace {

// Set in a thread that is looking names up: its allocations come from the bootstrap arena.
constinit thread_local bool t_is_resolving = false;
constinit bool g_is_resolved = false;

template <class Function>
void Bind(const char* name, Function* function) {
  auto found = reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
  if (found != nullptr) *function = found;
}

// Each resolver has the type of what it stands for.
void* FirstMalloc(std::size_t bytes) {
  if (t_is_resolving) return bootstrap_arena::Allocate(bytes);
  ResolveNextSymbols();
  return g_next.malloc(bytes);
}

void* FirstCalloc(std::size_t count, std::size_t bytes) {
  std::size_t total = 0;
  if (t_is_resolving) {
    return __builtin_mul_overflow(count, bytes, &total) ? nullptr
                                                        : bootstrap_arena::Allocate(total);
  }
  ResolveNextSymbols();
  return g_next.calloc(count, bytes);
}

void* FirstRealloc(void* block, std::size_t bytes) {
  if (t_is_resolving) return block == nullptr ? bootstrap_arena::Allocate(bytes) : nullptr;
  ResolveNextSymbols();
  return g_next.realloc(block, bytes);
}

// Memory of the arena is never given back, and nothing else can be in use while names are looked
// up.
void FirstFree(void* block) {
  if (t_is_resolving) return;
  ResolveNextSymbols();
  g_next.free(block);
}

int FirstPosixMemalign(void** block, std::size_t alignment, std::size_t bytes) {
  if (t_is_resolving) return ENOMEM;
  ResolveNextSymbols();
  return g_next.posix_memalign(block, alignment, bytes);
}

template <void* (*NextSymbols::*kMember)(std::size_t, std::size_t)>
void* FirstAligned(std::size_t alignment, std::size_t bytes) {
  if (t_is_resolving) return nullptr;
  ResolveNextSymbols();
  return (g_next.*kMember)(alignment, bytes);
}

template <void* (*NextSymbols::*kMember)(std::size_t)>
void* FirstPaged(std::size_t bytes) {
  if (t_is_resolving) return nullptr;
  ResolveNextSymbols();
  return (g_next.*kMember)(bytes);
}

}  // namespace

constinit NextSymbols g_next = {
    .malloc = FirstMalloc,
    .calloc = FirstCalloc,
    .realloc = FirstRealloc,
    .free = FirstFree,
    .posix_memalign = FirstPosixMemalign,
    .aligned_alloc = FirstAligned<&NextSymbols::aligned_alloc>,
    .memalign = FirstAligned<&NextSymbols::memalign>,
    .valloc = FirstPaged<&NextSymbols::valloc>,
    .pvalloc = FirstPaged<&NextSymbols::pvalloc>,
    .free_sized = nullptr,
    .free_aligned_sized = nullptr,
};

namespace {

// Hooks of what an older glibc has not, or a C program.
struct OptionalHook {
  const char* name;
  bool is_there;
};
constinit OptionalHook g_optional_hooks[] = {
    {"epoll_pwait2", false},      {"__cxa_guard_acquire", false}, {"__cxa_guard_release", false},
    {"__cxa_guard_abort", false}, {"__isoc23_scanf", false},      {"__isoc23_vscanf", false},
    {"__isoc23_fscanf", false},   {"__isoc23_vfscanf", false}};

bool IsMissing(const char* name) {
  for (const OptionalHook& hook : g_optional_hooks) {
    if (strcmp(hook.name, name) == 0) return !hook.is_there;
  }
  return false;
}

constinit bool g_has_free_sized = false;
constinit bool g_has_free_aligned_sized = false;

// Only what is there is asked for. A name that is missing makes libc allocate an error text, and
// free it at the next look-up: a block that the program never asked for, and the end of a program
// whose other preload looks its free up at the first one, which would come from inside of that
// look-up.
void BindOptional() {
  if (g_has_free_sized) Bind("free_sized", &g_next.free_sized);
  if (g_has_free_aligned_sized) Bind("free_aligned_sized", &g_next.free_aligned_sized);
}

void BindRequired() {
  Bind("malloc", &g_next.malloc);
  Bind("calloc", &g_next.calloc);
  Bind("realloc", &g_next.realloc);
  Bind("free", &g_next.free);
  Bind("posix_memalign", &g_next.posix_memalign);
  Bind("aligned_alloc", &g_next.aligned_alloc);
  Bind("memalign", &g_next.memalign);
  Bind("valloc", &g_next.valloc);
  Bind("pvalloc", &g_next.pvalloc);
}

constinit const link_map* g_libc = nullptr;

// C11's are glibc's since 2.28, timers and the resolver's since 2.34, and before that of many a
// library, whose results and types are its own: what is not libc's we have no hook for.
void HideForeign(OwnSymbols& own_symbols) {
  static constexpr const char* kNames[] = {
      "mtx_lock",         "mtx_timedlock",   "mtx_unlock",  "cnd_wait",     "cnd_timedwait",
      "cnd_signal",       "cnd_broadcast",   "thrd_create", "thrd_exit",    "thrd_detach",
      "thrd_join",        "thrd_sleep",      "call_once",   "timer_create", "res_query",
      "res_search",       "res_querydomain", "res_send",    "res_nquery",   "res_nsearch",
      "res_nquerydomain", "res_nsend"};
  for (const char* name : kNames) {
    if (DefinerBehind(name) != g_libc) own_symbols.Hide(name);
  }
}

}  // namespace

// Code lies between an object's start and its dynamic section, which is data.
bool IsInLibc(const void* function) {
  auto address = reinterpret_cast<std::uintptr_t>(function);
  return g_libc != nullptr && address >= g_libc->l_addr &&
         address < reinterpret_cast<std::uintptr_t>(g_libc->l_ld);
}

void LookForOptionalSymbols() {
  g_has_free_sized = DefinerBehind("free_sized") != nullptr;
  g_has_free_aligned_sized = DefinerBehind("free_aligned_sized") != nullptr;
  OwnSymbols own_symbols;
  for (OptionalHook& hook : g_optional_hooks) {
    hook.is_there = DefinerBehind(hook.name) != nullptr;
    if (!hook.is_there) own_symbols.Hide(hook.name);
  }
  g_libc = DefinerBehind("gnu_get_libc_version");
  HideForeign(own_symbols);
}

void ResolveNextSymbols() {
  if (t_is_resolving || __atomic_load_n(&g_is_resolved, __ATOMIC_ACQUIRE)) return;
  sys::ErrnoKeeper errno_keeper;
  t_is_resolving = true;
  BindOptional();
  BindRequired();
  t_is_resolving = false;
  __atomic_store_n(&g_is_resolved, true, __ATOMIC_RELEASE);
}

void* FindNext(const char* name, const char* version) {
  if (IsMissing(name)) return nullptr;
  void* found = version != nullptr ? dlvsym(RTLD_NEXT, name, version) : nullptr;
  return found != nullptr ? found : dlsym(RTLD_NEXT, name);
}

}  // namespace limpet
