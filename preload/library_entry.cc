// Load and unload of the library: options, dump signal, last dump.

#include <dlfcn.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "preload/export.h"
#include "preload/next_symbol.h"
#include "runtime/dump/companion_start.h"
#include "runtime/dump/dump_signal.h"
#include "runtime/dump/dump_start.h"
#include "runtime/dump/stack_signal.h"
#include "runtime/dump/watch_start.h"
#include "runtime/session.h"

namespace limpet {
namespace {

constexpr int kExitDumpTimeoutMs = 60'000;

NextFunction<void (*)(int)> g_next_exit("_exit");
NextFunction<void (*)(int)> g_next_Exit("_Exit");

void Leave() {
  bool has_profile = session::options().dumps_at_exit &&
                     (session::EnsureSegment() || session::HasGivenUp()) &&
                     session::IsSegmentOwner();
  if (has_profile) WriteDump(kExitDumpTimeoutMs);
  // Who is asked whether a dump is awaited must know of the end by then (done_dump_pid). A child of
  // vfork() is not the one that ends.
  session::AnnounceEnd();
  session::Finish(/*keeps_segment=*/session::IsSegmentOwner() && IsDumpAwaited());
}

void OnSegment() {
  AnswerMissedRequests();
  EnsureWatcher();
}

void BindHooks() {
  BindNewHooks();
  BindMappingHooks();
  BindThreadHooks();
  BindLoaderHooks();
  BindSignalHooks();
  BindPrivilegeHooks();
  BindSandboxHooks();
  BindLockHooks();
  BindConditionHooks();
  BindJoinHooks();
  BindSemaphoreHooks();
  BindSleepHooks();
  BindTimerHooks();
  BindFutexHooks();
  BindPollHooks();
  BindDescriptorHooks();
  BindFileHooks();
  BindChildHooks();
  BindMessageHooks();
  BindReleaseHooks();
  BindResolveHooks();
  BindStreamHooks();
  BindFormatHooks();
  BindOnceHooks();
  BindJumpHooks();
  g_next_exit.Bind();
  g_next_Exit.Bind();
}

[[gnu::constructor]] void Load() {
  ResolveNextSymbols();
  session::Start();
  BindHooks();
  if (getauxval(AT_SECURE) != 0) return;
  session::ReportBadOptions();
  if (session::options().is_disabled) return;
  FindCompanion();
  session::ListenForSegments(OnSegment);
  auto next_sigaction = reinterpret_cast<SigactionFunction>(FindNext("sigaction"));
  InstallDumpSignal(next_sigaction);
  InstallStackSignal(next_sigaction);
  // Functions registered first run last, so this comes after the program's own.
  at_quick_exit(Leave);
}

// After the program's atexit functions and destructors.
[[gnu::destructor]] void Unload() { Leave(); }

}  // namespace

extern "C" {

[[noreturn]] void HookUnderscoreExit(int status) LIMPET_EXPORT("_exit");
[[noreturn]] void HookCapitalExit(int status) LIMPET_EXPORT("_Exit");

void HookUnderscoreExit(int status) {
  Leave();
  g_next_exit.get()(status);
  __builtin_unreachable();
}

void HookCapitalExit(int status) {
  Leave();
  g_next_Exit.get()(status);
  __builtin_unreachable();
}

}  // extern "C"

}  // namespace limpet
