#include "runtime/tracer.h"

#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/process_facts.h"
#include "runtime/stack/stack_walker.h"
#include "runtime/sys/errno_keeper.h"
#include "runtime/sys/kernel_clock.h"
#include "runtime/sys/private_pages.h"
#include "runtime/sys/process_identity.h"
#include "runtime/sys/raw_syscall.h"
#include "runtime/sys/sandbox.h"

namespace limpet {
namespace {

using sys::AsArgument;
using sys::Failed;
using sys::RawSyscall;

constexpr std::uint32_t kRenewing = 2;

std::uint32_t CurrentProcessId() { return static_cast<std::uint32_t>(RawSyscall(SYS_getpid)); }

// Different in every process, also in a child forked in the same tick: pid and time.
std::uint64_t FreshSeed() {
  return Stir(sys::KernelClockNs(CLOCK_MONOTONIC) ^ std::uint64_t{CurrentProcessId()} << 32);
}

std::uint16_t RegisterModule(const LoadedObject& object) { return g_tracer.modules.IdOf(object); }

}  // namespace

constinit Tracer g_tracer = {};
constinit FreeFilter g_free_filter = {};
constinit thread_local ThreadContext t_thread = {};

bool Tracer::Start() {
  State state = state_.load(std::memory_order_acquire);
  if (state > State::kStarting) return true;
  if (environ == nullptr || state == State::kStarting) return false;
  if (!state_.compare_exchange_strong(state, State::kStarting, std::memory_order_acquire))
    return false;

  ReadOptions(environ, /*reports=*/false, &options);
  // Whoever starts a setuid program must not choose what it runs and where it writes.
  if (getauxval(AT_SECURE) != 0 || !IsChosenProcess(options)) options.is_disabled = true;
  if (!options.is_disabled) sys::BindKernelClock();
  BindObjectFinder();
  rules.SetRegistrar(RegisterModule);
  main_stack_ = MainThreadBounds();
  process_id_ = CurrentProcessId();
  bool is_on = !options.is_disabled && WatchForFork();
  if (is_on) g_free_filter.WipeOnFork();
  sampling.next_seed.store(FreshSeed(), std::memory_order_relaxed);
  sampling.interval_bytes.store(is_on ? options.sample_bytes : kSamplingOff,
                                std::memory_order_relaxed);
  state_.store(is_on ? State::kIdle : State::kOff, std::memory_order_release);
  return true;
}

// The kernel zeroes this page in children of fork, _Fork and clone, but not of vfork and
// posix_spawn, which share our memory and are rightly taken for us.
bool Tracer::WatchForFork() {
  long advised = RawSyscall(SYS_madvise, AsArgument(&page_), sizeof(page_), MADV_WIPEONFORK);
  page_.alive.store(kAlive, std::memory_order_release);
  return !Failed(advised);  // Linux before 4.14: not traced rather than not safe
}

// Nothing but this asks it; in strict mode, where asking would be the end, nothing is done either.
bool Tracer::IsThisProcess() const {
  return sys::CurrentSandbox() != sys::Sandbox::kStrict && CurrentProcessId() == process_id_;
}

bool Tracer::BeginTracing(ThreadContext& thread, bool creates) {
  sys::ErrnoKeeper errno_keeper;
  if (!Start() || IsOff()) return false;
  if (!IsOwnProcess()) BecomeChild(thread);
  if (!IsOwnProcess() || IsOff()) return false;
  if (!HasSegment() && (!creates || !Attach())) return false;
  EnterThread(thread);
  PublishLosses();
  return true;
}

void Tracer::CountLoss(Counter& pending, Counter SegmentCounters::*published) const {
  bool has_segment = IsRecording();
  sys::AddShared(has_segment ? segment.counters().*published : pending, 1);
}

void Tracer::PublishLosses() {
  auto move = [](Counter& from, Counter& to) {
    if (from.load(std::memory_order_relaxed) == 0) return;
    to.fetch_add(from.exchange(0, std::memory_order_relaxed), std::memory_order_relaxed);
  };
  move(lost_reentrant_, segment.counters().dropped_reentrant);
  move(lost_starting_, segment.counters().dropped_starting);
}

// The child of a fork has one thread, this one; nothing that other threads were doing is under way.
void Tracer::BecomeChild(ThreadContext& thread) {
  std::uint32_t wiped = 0;
  if (!page_.alive.compare_exchange_strong(wiped, kRenewing, std::memory_order_acquire)) return;
  if (HasSegment() || IsAttaching()) {
    has_inherited_rules_ = HasSegment();
    state_.store(State::kIdle, std::memory_order_relaxed);
  }
  g_free_filter.ClearInChild();
  timer_record_.store(nullptr, std::memory_order_relaxed);
  records.Reset(thread.record);
  // Its only thread is its main one, and nobody that it knows made it.
  other_threads_.store(0, std::memory_order_relaxed);
  thread.life.store(0, std::memory_order_relaxed);
  thread.early_joiner.store(nullptr, std::memory_order_relaxed);
  if (thread.record != nullptr) thread.record->identity = {.number = kMainThreadNumber};
  if (!sys::IsSandboxed()) FollowUser(&options);
  process_id_ = CurrentProcessId();
  is_forked_ = true;
  sampling.next_seed.store(FreshSeed(), std::memory_order_relaxed);
  thread.sampler.Reseed(sampling.TakeSeed());
  if (options.skips_forked) {
    sampling.interval_bytes.store(kSamplingOff, std::memory_order_relaxed);
    state_.store(State::kOff, std::memory_order_relaxed);
  }
  if (IsOff()) segment.LeaveInherited();
  page_.alive.store(kAlive, std::memory_order_release);
}

InternedStack Tracer::Capture(ThreadContext& thread, const sys::CallerFrame& caller) {
  if (thread.record == nullptr) return {StackId::kComplete, RootPathHash(false)};
  RememberedWalk& walk = thread.record->walk;
  bool is_usable = walk.generation == rules.generation() && !walk.is_unfinished;
  if (is_usable && StackWalker::IsUnchanged(caller, thread.record->own_stack, &walk))
    walk.reused = walk.depth;
  else
    WalkAnew(*thread.record, caller);
  Count(
      thread,
      {.stack_walks = 1, .frames_walked = walk.depth - walk.reused, .frames_reused = walk.reused});
  return stacks.Intern(&walk);
}

void Tracer::WalkAnew(ThreadRecord& record, const sys::CallerFrame& caller) {
  RememberedWalk& walk = record.walk;
  StackMemory memory(record.own_stack, &record.foreign_page);
  if (!record.own_stack.Holds(caller.stack_pointer))
    segment.counters().foreign_stacks.fetch_add(1, std::memory_order_relaxed);
  if (walk.is_unfinished) walk.Forget();
  walk.is_unfinished = true;
  StackWalker(rules, memory).Walk(caller, &walk);
  walk.is_unfinished = false;
  if (walk.is_truncated)
    segment.counters().truncated_stacks.fetch_add(1, std::memory_order_relaxed);
}

void Tracer::GiveUp() {
  State tracing = State::kTracing;
  if (!state_.compare_exchange_strong(tracing, State::kOff)) return;
  page_.tracing_epoch.store(0, std::memory_order_release);
  sampling.interval_bytes.store(kSamplingOff, std::memory_order_relaxed);
  segment.Poison();
}

void Tracer::Finish(bool keeps_segment) {
  if (!IsOwnProcess() || !IsThisProcess()) return;
  if (!HasSegment() && !segment.IsPoisoned()) return;
  state_.store(State::kOff, std::memory_order_release);
  page_.tracing_epoch.store(0, std::memory_order_release);
  sampling.interval_bytes.store(kSamplingOff, std::memory_order_relaxed);
  segment.header()->state.store(SegmentState::kExited, std::memory_order_release);
  // One in a sandbox had better not try, nor advise the kernel as malloc never does: whoever makes
  // the next segment removes it.
  if (sys::IsSandboxed() || keeps_segment) return;
  // A process that gave up its rights may not remove what it made; the memory it can give back.
  if (!RemoveSegmentFile(segment.path())) segment.GiveBackMemory();
}

// Before an exec this process may have been another program that was traced; its segment has our
// name.
void Tracer::RemoveInheritedSegment() const {
  if (HasSegment() || getauxval(AT_SECURE) != 0) return;
  SegmentPath path = SegmentPathOf(options.runtime_directory.c_str(), sys::ProcessStartTicks());
  RemoveSegmentFile(path);
}

}  // namespace limpet
