#include "runtime/dump/dump_signal.h"

#include <linux/futex.h>

#include <atomic>
#include <climits>

#include "runtime/dump/dump_start.h"
#include "runtime/dump/request_claim.h"
#include "runtime/dump/watch_start.h"
#include "runtime/session.h"
#include "runtime/sys/errno_keeper.h"
#include "runtime/sys/raw_syscall.h"

namespace limpet {
namespace {

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

void HandleDumpSignal(int, siginfo_t*, void*) {
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
  InstallOwnSignal(OwnSignal::kDump, HandleDumpSignal, next_sigaction);
}

}  // namespace limpet
