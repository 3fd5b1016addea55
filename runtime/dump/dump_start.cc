#include "runtime/dump/dump_start.h"

#include <atomic>
#include <cstdint>

#include "runtime/dump/companion_start.h"
#include "runtime/dump/segment_handover.h"
#include "runtime/session.h"
#include "runtime/sys/detached_process.h"
#include "runtime/sys/fixed_text.h"
#include "runtime/sys/kernel_clock.h"
#include "runtime/sys/raw_syscall.h"
#include "runtime/sys/sandbox.h"

namespace limpet {
namespace {

using sys::RawSyscall;

// The companions that signals started last. A signal that finds all of them at work is answered by
// the dump that the youngest is about to write; a misfired loop of signals must not load the
// machine.
struct Companion {
  std::atomic<int> pid;
  std::atomic<int> starter_pid;  // a forked child inherits what its parent started
  std::atomic<bool> reads_file;  // of the segment, not a copy
  std::atomic<std::uint64_t> started_ns;
};
constexpr int kMaxCompanions = 4;
constexpr std::uint64_t kCompanionPatienceNs = 60'000'000'000;  // later its pid may be another's
constinit Companion g_companions[kMaxCompanions] = {};

int OwnPid() { return static_cast<int>(RawSyscall(SYS_getpid)); }

// A container's first process may reap nobody: one that ended keeps its pid there.
bool IsAtWork(const Companion& companion) {
  int pid = companion.pid.load(std::memory_order_relaxed);
  std::uint64_t age_ns =
      sys::CoarseMonotonicNs() - companion.started_ns.load(std::memory_order_relaxed);
  return pid != 0 && companion.starter_pid.load(std::memory_order_relaxed) == OwnPid() &&
         age_ns < kCompanionPatienceNs && !sys::WaitUntilGone(pid, 0);
}

bool AreAllAtWork() {
  for (const Companion& companion : g_companions) {
    if (!IsAtWork(companion)) return false;
  }
  return true;
}

// In the place of one that has ended; of two threads that find the same, the other looks further.
void Remember(int pid, bool reads_file) {
  for (Companion& companion : g_companions) {
    int ended = companion.pid.load(std::memory_order_relaxed);
    if (IsAtWork(companion) || !companion.pid.compare_exchange_strong(ended, pid)) continue;
    companion.starter_pid.store(OwnPid(), std::memory_order_relaxed);
    companion.reads_file.store(reads_file, std::memory_order_relaxed);
    companion.started_ns.store(sys::CoarseMonotonicNs(), std::memory_order_relaxed);
    return;
  }
}

}  // namespace

bool StartDump() {
  // Under a filter not even the question who is at work may be asked.
  if (!sys::IsSandboxed() && AreAllAtWork()) return true;
  return WriteDump(0) != 0;
}

bool IsDumpAtWork(int done) {
  if (sys::IsSandboxed()) return false;
  for (const Companion& companion : g_companions) {
    bool needs_file = companion.pid.load(std::memory_order_relaxed) != done &&
                      companion.reads_file.load(std::memory_order_relaxed);
    if (needs_file && IsAtWork(companion)) return true;
  }
  return false;
}

int WriteDump(int timeout_ms) {
  sys::FixedText<24> pid;
  pid.AppendNumber(static_cast<std::uint64_t>(OwnPid()));
  const char* reason = timeout_ms == 0 ? "signal" : "exit";
  const char* directory = session::options().runtime_directory.c_str();
  const char* arguments[] = {"limpet",  "dump",      "--reason", reason,  "--runtime-dir",
                             directory, pid.c_str(), nullptr,    nullptr, nullptr};
  SegmentHandover handover(&arguments[7]);
  int companion = StartCompanion(arguments, timeout_ms, &handover.preparation());
  if (companion == 0) return 0;
  handover.NoteAnswered();
  if (timeout_ms == 0) Remember(companion, !handover.is_handed_over());
  return companion;
}

}  // namespace limpet
