#include "runtime/dump/companion_start.h"

#include <dlfcn.h>
#include <sys/prctl.h>
#include <time.h>

#include <atomic>
#include <cstring>

#include "runtime/session.h"
#include "runtime/sys/fixed_text.h"
#include "runtime/sys/raw_syscall.h"
#include "runtime/sys/sandbox.h"

namespace limpet {
namespace {

using sys::AsArgument;
using sys::RawSyscall;

// From the library's folder to the companion: build tree, then installed as lib/limpet/liblimpet.so
// and as lib/TRIPLET/limpet/liblimpet.so.
constexpr const char* kRelativePlaces[] = {"/../tools/limpet", "/../../bin/limpet",
                                           "/../../../bin/limpet"};
constexpr int kPlaces = 4;  // and LIMPET_COMPANION before them

using CompanionPath = sys::FixedText<600>;
constinit CompanionPath g_places[kPlaces];
// Pid of the process that is starting a companion, 0: none. In a child that was forked meanwhile it
// names the parent and does not count.
constinit std::atomic<long> g_starter = 0;

// There the companion would become our child once its starter has ended.
bool WouldAdoptCompanion() {
  int is_subreaper = 0;
  RawSyscall(SYS_prctl, PR_GET_CHILD_SUBREAPER, AsArgument(&is_subreaper));
  return is_subreaper != 0 || RawSyscall(SYS_getpid) == 1;
}

void NoteResult(const sys::DetachedProcess& process) {
  SegmentHeader* header = session::header();
  if (header == nullptr) return;
  header->launch_errno.store(static_cast<std::uint32_t>(process.error_number),
                             std::memory_order_relaxed);
  if (process.pid != 0) header->counters.companions_started.fetch_add(1, std::memory_order_relaxed);
}

// What lies in another root may be anybody's, and not only the effective user's rights are its own
// then: the real one's outlive an execve.
bool WouldTrustAnotherRoot() {
  return session::HasChangedRoot() && (RawSyscall(SYS_geteuid) == 0 || RawSyscall(SYS_getuid) == 0);
}

// 0, or what a reader is told. Under a filter that may end the process not even questions are
// asked.
int Prohibition() {
  if (sys::IsSandboxed()) return EPERM;
  if (WouldAdoptCompanion()) return kLaunchRefused;
  return WouldTrustAnotherRoot() ? kLaunchRootChanged : 0;
}

// Those that are known, ended by nullptr.
void ListPlaces(const char** paths) {
  for (const CompanionPath& place : g_places) {
    if (place.size() != 0) *paths++ = place.c_str();
  }
}

// True: nobody else of this process is starting one, and we are from now on.
bool IsOurTurn() {
  long self = RawSyscall(SYS_getpid);
  return g_starter.exchange(self, std::memory_order_acquire) != self;
}

bool AwaitTurn() {
  constexpr timespec kPause = {0, 1'000'000};
  for (int tries = 0; tries < 1000; ++tries) {
    RawSyscall(SYS_nanosleep, AsArgument(&kPause), 0);
    if (IsOurTurn()) return true;
  }
  return false;
}

}  // namespace

void FindCompanion() {
  Dl_info self = {};
  g_places[0].Append(session::options().companion.c_str());
  if (dladdr(reinterpret_cast<void*>(&FindCompanion), &self) == 0) return;
  const char* last_slash = strrchr(self.dli_fname, '/');
  std::size_t folder_bytes =
      last_slash == nullptr ? 0 : static_cast<std::size_t>(last_slash - self.dli_fname);
  for (int i = 0; i < kPlaces - 1; ++i) {
    g_places[i + 1].Append(folder_bytes == 0 ? "." : self.dli_fname,
                           folder_bytes == 0 ? 1 : folder_bytes);
    g_places[i + 1].Append(kRelativePlaces[i]);
  }
}

int StartCompanion(const char* const* arguments, int timeout_ms,
                   const sys::Preparation* preparation) {
  int prohibition = Prohibition();
  if (prohibition != 0) return NoteResult({.error_number = prohibition}), 0;
  // A dump at exit waits for its turn; all else is done by whoever is starting one.
  if (!IsOurTurn() && (timeout_ms == 0 || !AwaitTurn())) return 0;
  const char* paths[kPlaces + 1] = {};
  ListPlaces(paths);
  sys::DetachedProcess companion = sys::StartDetached(paths, arguments, preparation);
  NoteResult(companion);
  if (companion.pid != 0 && timeout_ms != 0) sys::WaitUntilGone(companion.pid, timeout_ms);
  g_starter.store(0, std::memory_order_release);
  return companion.pid;
}

}  // namespace limpet
