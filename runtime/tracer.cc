#include "runtime/tracer.h"

#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "runtime/process_facts.h"
#include "runtime/stack/stack_walker.h"
#include "runtime/sys/clock.h"
#include "runtime/sys/errno_keeper.h"
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
constexpr std::uint64_t kForkedPerTidying = 16;
constexpr std::uint64_t kSmallFileSystemBytes = 256 << 20;
constexpr std::uint64_t kSmallSegmentBytes = 16 << 20;
constexpr std::uint64_t kExpectedHeapBytes = std::uint64_t{1} << 30;

std::uint32_t CurrentThreadId() { return static_cast<std::uint32_t>(RawSyscall(SYS_gettid)); }
std::uint32_t CurrentProcessId() { return static_cast<std::uint32_t>(RawSyscall(SYS_getpid)); }

// Different in every process, also in a child forked in the same tick: pid and time.
std::uint64_t FreshSeed() {
  return Stir(sys::ReadClockNs(CLOCK_MONOTONIC) ^ std::uint64_t{CurrentProcessId()} << 32);
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
  alive_ = sys::MapPrivatePages<std::atomic<std::uint32_t>>(sys::kPageBytes);
  if (alive_ == nullptr) return false;
  long advised = RawSyscall(SYS_madvise, AsArgument(alive_), sys::kPageBytes, MADV_WIPEONFORK);
  alive_->store(kAlive, std::memory_order_release);
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
  bool has_segment = HasSegment() && IsOwnProcess();
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
  if (!alive_->compare_exchange_strong(wiped, kRenewing, std::memory_order_acquire)) return;
  if (HasSegment() || IsAttaching()) {
    has_inherited_rules_ = HasSegment();
    state_.store(State::kIdle, std::memory_order_relaxed);
  }
  g_free_filter.ClearInChild();
  records.Reset(thread.record);
  // Its only thread is its main one, and nobody that it knows made it.
  last_number_.store(kMainThreadNumber, std::memory_order_relaxed);
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
  alive_->store(kAlive, std::memory_order_release);
}

bool Tracer::Attach() {
  State idle = State::kIdle;
  if (!IsThisProcess()) return false;
  if (!state_.compare_exchange_strong(idle, State::kAttaching, std::memory_order_acquire))
    return HasSegment();
  bool is_ready = CreateSegment();
  if (!is_ready) sampling.interval_bytes.store(kSamplingOff, std::memory_order_relaxed);
  state_.store(is_ready ? State::kTracing : State::kOff, std::memory_order_release);
  if (is_ready && on_segment != nullptr) on_segment();
  return is_ready;
}

// One child tidies for many, by chance: so each has its turn in a program that forks in a rhythm.
void Tracer::LimitTidying(SegmentFileLimits* limits) {
  limits->trusts_parent = sampling.TakeSeed() % kForkedPerTidying != 0;
  limits->max_removed = 2 * kForkedPerTidying;
}

// What is large is not on the stack: the dump signal's handler comes here on a signal stack of the
// program's choice. It is one thread's at a time, the one that made the state kAttaching; a child
// forked meanwhile has its own.
bool Tracer::CreateSegment() {
  static constinit SegmentFile file;
  if (sys::IsSandboxed()) return segment.LeaveInherited(), false;
  std::uint64_t start_ticks = sys::ProcessStartTicks();
  if (!MakeSegmentFile(start_ticks, &file)) return segment.LeaveInherited(), false;
  return FillSegment(start_ticks);
}

bool Tracer::MakeSegmentFile(std::uint64_t start_ticks, SegmentFile* file) {
  SegmentFileLimits limits = {.bytes = WantedSegmentBytes(),
                              .max_dead_segments = options.watch.max_dead_segments};
  if (is_forked_) LimitTidying(&limits);
  if (!CreateSegmentFile(options.runtime_directory.c_str(), start_ticks, limits, file))
    return false;
  bool is_mapped = MapSegment(*file);
  CloseSegmentFile(file);
  if (!is_mapped) RemoveSegmentFile(file->path);
  return is_mapped;
}

// A child's unwind rules name modules by the ids that its parent gave them.
bool Tracer::MapSegment(const SegmentFile& file) {
  inherited_modules_ = {};
  bool is_copied = has_inherited_rules_ && modules.CopyTo(file, &inherited_modules_);
  has_inherited_rules_ = false;
  if (!is_copied) inherited_modules_ = {};
  if (!is_copied) rules.Invalidate();
  return segment.Map(file);
}

bool Tracer::FillSegment(std::uint64_t start_ticks) {
  FillProcessFacts(options, start_ticks, segment.header());
  segment.header()->stack_signal_cookie = FreshSeed();
  PublishSignalStates();
  ++epoch_;
  if (AttachTables()) return segment.Publish(), true;
  segment.Poison();  // the header stays, so that readers learn why there is nothing
  segment.KeepOnlyHeader();
  return false;
}

// Whoever wrote the filter may not have thought of a handler that returns.
void Tracer::PublishSignalStates() const {
  SignalState stack = signal_states.stack.load(std::memory_order_relaxed);
  if (stack == SignalState::kOurs && sys::IsSandboxed()) stack = SignalState::kSandboxed;
  SegmentHeader* header = segment.header();
  header->dump_signal_state.store(signal_states.dump.load(std::memory_order_relaxed),
                                  std::memory_order_relaxed);
  header->stack_signal_state.store(stack, std::memory_order_relaxed);
}

std::uint64_t Tracer::WantedSegmentBytes() const {
  if (options.max_bytes != 0) return options.max_bytes;
  std::uint64_t size = FileSystemBytes(options.runtime_directory.c_str());
  if (size != 0 && size < kSmallFileSystemBytes) return kSmallSegmentBytes;
  // Where every block is recorded there are many; the file is as large as what was touched of it.
  return options.sample_bytes == kSampleAll ? 4 * kDefaultSegmentBytes : kDefaultSegmentBytes;
}

// The table with the largest private part comes last, so that a refusal leaves hardly anything.
bool Tracer::AttachTables() {
  std::uint64_t expected = kExpectedHeapBytes / options.sample_bytes;
  mappings.Attach(&segment);
  bool is_copied = inherited_modules_.modules != 0;
  bool has_modules = is_copied ? modules.AttachCopy(inherited_modules_)
                               : modules.Attach(&segment, segment.header()->executable);
  bool has_tables = has_modules && stacks.Attach(&segment) &&
                    allocations.Attach(&segment, &g_free_filter, expected);
  if (has_tables) {
    if (options.sample_bytes == kSampleAll) g_free_filter.PinAll();
    LoadedObject executable;
    if (FindLoadedObject(getauxval(AT_ENTRY), &executable)) modules.IdOf(executable);
    segment.counters().private_bytes.fetch_add(allocations.private_bytes() + stacks.private_bytes(),
                                               std::memory_order_relaxed);
  }
  return has_tables;
}

// A vfork child runs with its parent thread's storage. What it entered there would bear its own id,
// and its end would be taken for the thread's: so it enters nothing, and its stacks are unknown.
void Tracer::EnterThread(ThreadContext& thread) {
  if (thread.epoch == epoch_ || !IsThisProcess()) return;
  thread.thread_id = CurrentThreadId();
  if (thread.record == nullptr) ClaimRecord(thread);
  if (thread.record != nullptr)
    EnterRecord(thread);
  else
    segment.counters().dropped_threads_full.fetch_add(1, std::memory_order_relaxed);
  thread.epoch = epoch_;  // last: a handler that comes before it does all this itself
}

void Tracer::EnterRecord(ThreadContext& thread) {
  thread.record->walk.Forget();
  Number(thread);
  bool is_main = thread.thread_id == process_id_ && thread.record->own_stack.high == 0;
  if (is_main) thread.record->own_stack = main_stack_;
  EnterSlot(thread);
}

void Tracer::Number(ThreadContext& thread) {
  std::uint32_t& number = thread.record->identity.number;
  if (number == 0) {
    number = thread.thread_id == process_id_
                 ? kMainThreadNumber
                 : last_number_.fetch_add(1, std::memory_order_relaxed) + 1;
  }
  thread.number.store(number, std::memory_order_relaxed);
}

void Tracer::DescribeThread(ThreadContext& creator, const sys::CallerFrame& caller,
                            ThreadIdentity* identity) {
  identity->number = last_number_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (creator.record == nullptr) return;
  identity->creator_number = creator.record->identity.number;
  identity->creator_thread_id = creator.thread_id;
  ReentryGuard guard(creator);
  if (guard.IsOutermost()) identity->creation_stack = Capture(creator, caller).id;
  const ThreadSlot* slot = creator.record->slot;
  if (slot != nullptr) memcpy(identity->name, slot->name, sizeof(identity->name));
}

// Of a thread that could not be made, where no other was meanwhile.
void Tracer::TakeBackNumber(const ThreadIdentity& identity) {
  std::uint32_t number = identity.number;
  if (number != 0)
    last_number_.compare_exchange_strong(number, number - 1, std::memory_order_relaxed);
}

// For a thread that no hook saw start: none will see it end either. So its record is retired at
// once, which lets it use it until the kernel says that it is gone. Where it is deeper in its stack
// than is known of it, it is read like any other's.
void Tracer::ClaimRecord(ThreadContext& thread) {
  thread.record = records.Claim(process_id_);
  if (thread.record == nullptr) return;
  if (thread.thread_id != process_id_) thread.record->own_stack = OwnThreadBounds(kLeastStackBytes);
  records.Retire(thread.record);
}

void Tracer::EnterSlot(ThreadContext& thread) {
  SectionEntry& section = segment.Section(SectionKind::kThreads);
  std::uint64_t index = thread.record->id;
  thread.record->slot = nullptr;
  bool has_room = index < section.capacity &&
                  segment.Reserve(section.offset + index * sizeof(ThreadSlot), sizeof(ThreadSlot));
  if (!has_room) {
    segment.counters().dropped_threads_full.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  ThreadSlot& slot = segment.Entries<ThreadSlot>(SectionKind::kThreads)[index];
  thread.record->slot = &slot;
  FillSlot(thread, &slot);
  std::uint64_t used = section.used.load(std::memory_order_relaxed);
  while (used <= index &&
         !section.used.compare_exchange_weak(used, index + 1, std::memory_order_release)) {
  }
}

// All of it, for the slot may have been another thread's; only what counts work goes on counting.
void Tracer::FillSlot(const ThreadContext& thread, ThreadSlot* slot) {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  const ThreadIdentity& identity = thread.record->identity;
  WaitingPartWriter writer(*slot, /*stays_open=*/false);
  writer.Write(
      {.wait = {}, .since_ns = 0, .stack = StackId::kComplete, .state = ThreadState::kRunning});
  slot->thread_id.store(thread.thread_id, kRelaxed);
  slot->started_ns.store(sys::CoarseMonotonicNs(), kRelaxed);
  slot->park_count.store(0, kRelaxed);
  slot->parked_ns.store(0, kRelaxed);
  for (Counter& group : slot->group_ns) group.store(0, kRelaxed);
  slot->number.store(identity.number, kRelaxed);
  slot->creator_number.store(identity.creator_number, kRelaxed);
  slot->creator_thread_id.store(identity.creator_thread_id, kRelaxed);
  slot->creation_stack.store(identity.creation_stack, kRelaxed);
  slot->life.store(0);
  slot->life.fetch_or(thread.life.load() & kThreadDetached);  // who detaches it now sees the slot
  memcpy(slot->name, identity.name, sizeof(slot->name));
  if (!sys::IsSandboxed()) RawSyscall(SYS_prctl, PR_GET_NAME, AsArgument(slot->name));
}

std::uint32_t Tracer::LeaveSlot(ThreadContext& thread) const {
  ThreadSlot* slot = thread.record->slot;
  std::uint32_t life = thread.life.fetch_or(kThreadLeft);
  if (HasSegment() && thread.epoch == epoch_ && slot != nullptr)
    slot->state.store(ThreadState::kExited, std::memory_order_release);
  return life;
}

// The thread's destructors come after this; they go on with its record and slot.
void Tracer::LeaveThread(ThreadContext& thread) {
  if (thread.record == nullptr || !IsOwnProcess()) return;
  // Kept before it is known that it left: who joins or detaches it after that releases it.
  bool is_kept = records.Keep(thread.record);
  bool is_over = (LeaveSlot(thread) & kThreadDetached) != 0;
  if (is_kept && is_over) records.ReleaseKept(thread.record);
  if (!is_kept) records.Retire(thread.record);
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
  sampling.interval_bytes.store(kSamplingOff, std::memory_order_relaxed);
  segment.Poison();
}

void Tracer::Finish(bool keeps_segment) {
  if (!IsOwnProcess() || !IsThisProcess()) return;
  if (!HasSegment() && !segment.IsPoisoned()) return;
  state_.store(State::kOff, std::memory_order_release);
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
