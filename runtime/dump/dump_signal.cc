#include "runtime/dump/dump_signal.h"

#include <linux/futex.h>

#include <atomic>
#include <climits>
#include <cstring>

#include "runtime/dump/dump_start.h"
#include "runtime/dump/request_claim.h"
#include "runtime/dump/watch_start.h"
#include "runtime/session.h"
#include "runtime/sys/errno_keeper.h"
#include "runtime/sys/raw_syscall.h"
#include "runtime/sys/sandbox.h"

namespace limpet {
namespace {

constinit SigactionFunction g_next_sigaction = nullptr;

void WakeWatcher(SegmentHeader* header) {
  sys::RawSyscall(SYS_futex, sys::AsArgument(&header->dump_requests), FUTEX_WAKE, INT_MAX);
}

// Requests that came while the segment was being made, which had no place to be counted yet.
constinit std::atomic<std::uint32_t> g_missed_requests = 0;

void Request(std::uint32_t times) {
  SegmentHeader* header = session::header();
  std::uint32_t requests = times;
  if (header != nullptr) {
    header->counters.signals_received.fetch_add(times, std::memory_order_relaxed);
    // In one order with the look at the beat: a watcher shows its own before it counts requests.
    requests += header->dump_requests.fetch_add(times, std::memory_order_seq_cst);
  }
  if (IsWatched()) return WakeWatcher(header);
  if (StartDump() && header != nullptr) ClaimRequests(header, requests);
  EnsureWatcher();
}

void HandleDumpSignal(int) {
  sys::ErrnoKeeper errno_keeper;
  if (session::IsVforkChild()) return;  // it has its parent's stacks for starting a companion
  bool has_segment = session::EnsureSegment();
  if (!has_segment && session::IsMakingSegment()) {
    g_missed_requests.fetch_add(1, std::memory_order_release);
    if (session::header() != nullptr) AnswerMissedRequests();
    return;
  }
  Request(1);
}

struct sigaction DefaultAction() {
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  return action;
}

}  // namespace

void AnswerMissedRequests() {
  std::uint32_t missed = g_missed_requests.exchange(0, std::memory_order_acquire);
  if (missed != 0) Request(missed);
}

bool IsDumpAwaited() {
  SegmentHeader* header = session::header();
  if (header == nullptr) return false;
  std::uint32_t requests = header->dump_requests.load(std::memory_order_relaxed);
  if (requests == 0) return false;
  std::uint32_t answered = header->watch_state.answered_requests.load(std::memory_order_relaxed);
  int done = static_cast<int>(header->done_dump_pid.load());
  return IsDumpAtWork(done) || (answered != requests && IsWatched());
}

void InstallDumpSignal(SigactionFunction next_sigaction) {
  int signal = session::options().dump_signal;
  g_next_sigaction = next_sigaction;
  struct sigaction present = {};
  if (signal == 0 || next_sigaction(signal, nullptr, &present) != 0) return;
  if (present.sa_handler == SIG_IGN)
    return session::SetDumpSignalState(DumpSignalState::kInherited);
  if (present.sa_handler != SIG_DFL) return session::SetDumpSignalState(DumpSignalState::kProgram);

  struct sigaction ours = {};
  ours.sa_handler = HandleDumpSignal;
  ours.sa_flags = SA_RESTART | SA_ONSTACK;
  sigfillset(&ours.sa_mask);
  if (next_sigaction(signal, &ours, nullptr) == 0)
    session::SetDumpSignalState(DumpSignalState::kOurs);
}

bool IsOurSignal(int signal) {
  return session::dump_signal_state() == DumpSignalState::kOurs &&
         signal == session::options().dump_signal;
}

int ProgramSigaction(const struct sigaction* action, struct sigaction* old) {
  bool takes = action != nullptr && action->sa_handler != SIG_DFL;
  int result = 0;
  if (takes) {
    session::SetDumpSignalState(DumpSignalState::kProgram);
    result = g_next_sigaction(session::options().dump_signal, action, nullptr);
  }
  if (result == 0 && old != nullptr) *old = DefaultAction();
  return result;
}

void YieldDumpSignal() {
  struct sigaction action = DefaultAction();
  session::SetDumpSignalState(DumpSignalState::kProgram);
  if (!sys::IsSandboxed()) g_next_sigaction(session::options().dump_signal, &action, nullptr);
}

}  // namespace limpet
