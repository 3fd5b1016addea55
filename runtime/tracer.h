// The tracer of one process: its state, and the tables that a sample goes through.
//
//   sample -> StackWalker (rules, remembered walk) -> StackTree -> SiteSlot totals
//                                                               -> AllocationTable
//
// It is one constant-initialised object, because hooks run before constructors and after
// destructors. All of it is zero at first, and so in .bss: a megabyte that the file does not hold,
// and pages that the kernel can be told to wipe.
//
// Fork rule: the kernel wipes one page of it in a forked child (ProcessPage). Every slow path looks
// there first, so a child never writes into its parent's segment; it starts afresh at its first
// sample.
//
// Runs: target hot path (slow side).  Threads: any; async-signal-safe.  Allocates: private pages
// and the segment's.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/options.h"
#include "runtime/own_signals.h"
#include "runtime/sample/byte_sampler.h"
#include "runtime/stack/rule_cache.h"
#include "runtime/sys/caller_frame.h"
#include "runtime/sys/cheap_atomic.h"
#include "runtime/sys/kernel_clock.h"
#include "runtime/sys/private_pages.h"
#include "runtime/table/allocation_table.h"
#include "runtime/table/event_table.h"
#include "runtime/table/free_filter.h"
#include "runtime/table/mapping_table.h"
#include "runtime/table/module_table.h"
#include "runtime/table/release_log.h"
#include "runtime/table/segment_writer.h"
#include "runtime/table/stack_tree.h"
#include "runtime/thread_context.h"
#include "runtime/thread_record.h"

namespace limpet {

// What one call did, to be counted.
struct Work {
  std::uint64_t samples = 0;
  std::uint64_t sample_frees = 0;
  std::uint64_t stack_walks = 0;
  std::uint64_t frames_walked = 0;
  std::uint64_t frames_reused = 0;

  template <class Add>
  [[gnu::always_inline]] void AddTo(WorkCounters& counters, Add add) const {
    if (samples != 0) add(counters.samples, samples);
    if (sample_frees != 0) add(counters.sample_frees, sample_frees);
    if (stack_walks != 0) add(counters.stack_walks, stack_walks);
    if (frames_walked != 0) add(counters.frames_walked, frames_walked);
    if (frames_reused != 0) add(counters.frames_reused, frames_reused);
  }
};

// What is true of this process alone. A whole page, which reads as zero in a forked child.
struct alignas(sys::kPageBytes) ProcessPage {
  std::atomic<std::uint32_t> alive;          // 1: ours; 0: wiped, a forked child; 2: being renewed
  std::atomic<std::uint32_t> tracing_epoch;  // of the segment that may be written; 0: none
  // Copies of what each wait asks besides while there is such a segment: a page that it need not
  // touch is one that the kernel may have pushed out of the processor's tables.
  std::atomic<std::uint32_t> rule_generation;
  std::atomic<sys::ClockFunction> clock;
};

class Tracer {
 public:
  static constexpr std::uint32_t kMainThreadNumber = 1;

  // Reads the options, once; from the constructor, or from the first hook if that comes earlier.
  // False: too early, the environment is not there yet.
  bool Start();

  // True when this process has a segment that may be written. Makes it if `creates`.
  bool IsTracing(ThreadContext& thread, bool creates) {
    if (!IsEntered(thread)) [[unlikely]]
      return BeginTracing(thread, creates);
    return true;
  }
  // One word says that the process is ours, has a segment, and that the thread is entered in it.
  bool IsEntered(const ThreadContext& thread) const {
    return thread.epoch != 0 && thread.epoch == tracing_epoch();
  }
  // The process is ours, and has a segment.
  bool IsRecording() const { return tracing_epoch() != 0; }
  // 0: nothing may be written.
  std::uint32_t tracing_epoch() const {
    return page_.tracing_epoch.load(std::memory_order_acquire);
  }
  std::uint32_t rule_generation() const {
    return page_.rule_generation.load(std::memory_order_acquire);
  }
  // Only to be called if we are recording afterwards: a handler may fork meanwhile, and there is
  // none in its child.
  sys::ClockFunction clock() const { return page_.clock.load(std::memory_order_acquire); }
  // After code was unloaded.
  void InvalidateRules();

  // For a thread that `creator` makes, before it starts.
  void DescribeThread(ThreadContext& creator, const sys::CallerFrame& caller,
                      ThreadIdentity* identity);
  void TakeBack(const ThreadIdentity& identity);

  // The stack at `caller`; counted, never failing: the unknown stack at worst.
  InternedStack Capture(ThreadContext& thread, const sys::CallerFrame& caller);

  // The thread's id, bounds and slot are known afterwards.
  void EnterThread(ThreadContext& thread);
  void LeaveThread(ThreadContext& thread);
  // libc's own thread for all timers of the process, which no hook sees start. `record` is to be
  // its.
  void EnterTimerThread(ThreadRecord* record, std::uint32_t thread_id);
  bool KnowsTimerThread() const { return timer_record_.load() != nullptr; }
  // Only says so to readers, and gives nothing back. The bits of its life.
  std::uint32_t LeaveSlot(ThreadContext& thread) const;
  static bool IsMainThread(const ThreadContext& thread) {
    return thread.record != nullptr && thread.record->identity.number == kMainThreadNumber;
  }
  std::uint32_t epoch() const { return epoch_; }

  // Tells readers of the segment; again whenever something of it has changed.
  void PublishSignalStates() const;

  void Finish(bool keeps_segment);

  // Nothing is recorded from now on, and the segment says so. Only for what would make the program
  // suffer or the profile lie; what merely does not fit is counted, and tracing goes on.
  void GiveUp();

  // At load: before an exec this process may have been another program that was traced.
  void RemoveInheritedSegment() const;

  // In the thread's own slot, which nobody else writes.
  [[gnu::always_inline]] void Count(const ThreadContext& thread, const Work& done) const {
    bool has_slot = thread.record != nullptr && thread.record->slot != nullptr;
    if (has_slot) [[likely]]
      done.AddTo(thread.record->slot->work, sys::AddOwn);
    else
      done.AddTo(segment.counters().work, sys::AddShared);
  }

  // Losses; those before there is a segment to count them in are added as soon as there is.
  void CountReentrant() { CountLoss(lost_reentrant_, &SegmentCounters::dropped_reentrant); }
  void CountStarting() { CountLoss(lost_starting_, &SegmentCounters::dropped_starting); }

  Options options = {};
  SamplingControl sampling = {};
  RuleCache rules;
  SegmentWriter segment;
  StackTree stacks;
  AllocationTable allocations;
  EventTable events;
  ReleaseLog releases;
  MappingTable mappings;
  ModuleTable modules;
  ThreadRecordPool records;
  OwnSignalStates signal_states;
  // Those that worked or are being tried; children inherit it, as they do the root.
  std::atomic<std::uint32_t> root_changes = 0;
  // Called when this process has got a segment, at load or later, in any thread.
  void (*on_segment)() = nullptr;

  // The memory is the one we were started in: not a forked child's.
  bool IsOwnProcess() const { return page_.alive.load(std::memory_order_acquire) == kAlive; }
  // The process is the one we were started in: not a vfork child's.
  bool IsThisProcess() const;
  std::uint32_t process_id() const { return process_id_; }
  bool IsOff() const { return state_.load(std::memory_order_acquire) == State::kOff; }
  bool IsAttaching() const { return state_.load(std::memory_order_acquire) == State::kAttaching; }
  bool HasSegment() const { return state_.load(std::memory_order_acquire) == State::kTracing; }

 private:
  enum class State : std::uint32_t { kUnstarted = 0, kStarting, kIdle, kAttaching, kTracing, kOff };

  void WalkAnew(ThreadRecord& record, const sys::CallerFrame& caller);
  bool BeginTracing(ThreadContext& thread, bool creates);
  bool WatchForFork();
  void BecomeChild(ThreadContext& thread);
  bool Attach();
  bool CreateSegment();
  void CopyGeneration();
  bool MakeSegmentFile(std::uint64_t start_ticks, SegmentFile* file);
  void LimitTidying(SegmentFileLimits* limits);
  bool FillSegment(std::uint64_t start_ticks);
  bool MapSegment(const SegmentFile& file);
  bool AttachTables();
  std::uint64_t WantedSegmentBytes() const;
  void ClaimRecord(ThreadContext& thread);
  bool TakeTimerRecord(ThreadContext& thread) const;
  void EnterRecord(ThreadContext& thread);
  void EnterSlot(ThreadContext& thread);
  static void FillSlot(const ThreadContext& thread, ThreadSlot* slot);
  void Number(ThreadContext& thread);
  std::uint32_t NextNumber() {
    return kMainThreadNumber + other_threads_.fetch_add(1, std::memory_order_relaxed) + 1;
  }
  void CountLoss(Counter& pending, Counter SegmentCounters::*published) const;
  void PublishLosses();

  static constexpr std::uint32_t kAlive = 1;

  ProcessPage page_ = {};
  std::atomic<State> state_ = State::kUnstarted;
  StackBounds main_stack_;
  std::uint32_t process_id_ = 0;
  std::uint32_t epoch_ = 0;                       // segments of this process so far
  std::atomic<std::uint32_t> other_threads_ = 0;  // ever counted besides the main one
  std::atomic<ThreadRecord*> timer_record_ = nullptr;
  bool is_forked_ = false;
  // Our rules are of the segment that is still mapped, which is our parent's.
  bool has_inherited_rules_ = false;
  ModuleCopy inherited_modules_;  // in our segment's file; none: they are to be entered anew
  Counter lost_reentrant_ = 0;
  Counter lost_starting_ = 0;
};

[[gnu::visibility("hidden")]] extern constinit Tracer g_tracer;

}  // namespace limpet
