#include "runtime/dump/companion_start.h"

#include <dlfcn.h>
#include <errno.h>
#include <sys/prctl.h>

#include <atomic>
#include <cstring>

#include "runtime/session.h"
#include "runtime/sys/clock.h"
#include "runtime/sys/detached_process.h"
#include "runtime/sys/fixed_text.h"
#include "runtime/sys/raw_syscall.h"

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

// The companions that signals started last. A signal that finds all of them at work is answered by
// the dump that the youngest is about to write; a misfired loop of signals must not load the
// machine.
struct Companion {
  std::atomic<int> pid;
  std::atomic<std::uint64_t> started_ns;
};
constexpr int kMaxCompanions = 4;
constexpr std::uint64_t kCompanionPatienceNs = 60'000'000'000;  // later its pid may be another's
constinit Companion g_companions[kMaxCompanions] = {};

bool IsAtWork(const Companion& companion) {
  int pid = companion.pid.load(std::memory_order_relaxed);
  std::uint64_t age_ns =
      sys::CoarseMonotonicNs() - companion.started_ns.load(std::memory_order_relaxed);
  return pid != 0 && age_ns < kCompanionPatienceNs && RawSyscall(SYS_kill, pid, 0) != -ESRCH;
}

// nullptr: all at work.
Companion* FindIdle() {
  for (Companion& companion : g_companions) {
    if (!IsAtWork(companion)) return &companion;
  }
  return nullptr;
}

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

sys::DetachedProcess StartCompanion() {
  const char* paths[kPlaces + 1] = {};
  int count = 0;
  for (const CompanionPath& place : g_places) {
    if (place.size() != 0) paths[count++] = place.c_str();
  }
  sys::FixedText<24> pid;
  pid.AppendNumber(static_cast<std::uint64_t>(RawSyscall(SYS_getpid)));
  const char* arguments[] = {"limpet",
                             "dump",
                             "--from-signal",
                             "--runtime-dir",
                             session::options().runtime_directory.c_str(),
                             pid.c_str(),
                             nullptr};
  return sys::StartDetached(paths, arguments);
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

void StartDump() {
  Companion* companion = FindIdle();
  if (companion == nullptr) return;
  companion->pid.store(WriteDump(0), std::memory_order_relaxed);
  companion->started_ns.store(sys::CoarseMonotonicNs(), std::memory_order_relaxed);
}

int WriteDump(int timeout_ms) {
  if (WouldAdoptCompanion()) return 0;  // the request stays in the segment
  long self = RawSyscall(SYS_getpid);
  if (g_starter.exchange(self, std::memory_order_acquire) == self) return 0;
  sys::DetachedProcess companion = StartCompanion();
  NoteResult(companion);
  if (companion.pid != 0 && timeout_ms != 0) sys::WaitUntilGone(companion.pid, timeout_ms);
  g_starter.store(0, std::memory_order_release);
  return companion.pid;
}

}  // namespace limpet
