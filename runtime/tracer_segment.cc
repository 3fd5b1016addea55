// How a tracer gets its segment.

#include <sys/auxv.h>

#include "runtime/process_facts.h"
#include "runtime/sys/process_identity.h"
#include "runtime/sys/sandbox.h"
#include "runtime/tracer.h"

namespace limpet {
namespace {

constexpr std::uint64_t kForkedPerTidying = 16;
constexpr std::uint64_t kSmallFileSystemBytes = 256 << 20;
constexpr std::uint64_t kSmallSegmentBytes = 16 << 20;
constexpr std::uint64_t kExpectedHeapBytes = std::uint64_t{1} << 30;

}  // namespace

void Tracer::InvalidateRules() {
  rules.Invalidate();
  CopyGeneration();
}

// Who comes last has copied the last one.
void Tracer::CopyGeneration() {
  std::uint32_t generation = 0;
  do {
    generation = rules.generation();
    page_.rule_generation.store(generation);
  } while (generation != rules.generation());
}

bool Tracer::Attach() {
  State idle = State::kIdle;
  if (!IsThisProcess()) return false;
  if (!state_.compare_exchange_strong(idle, State::kAttaching, std::memory_order_acquire))
    return HasSegment();
  bool is_ready = CreateSegment();
  if (!is_ready) sampling.interval_bytes.store(kSamplingOff, std::memory_order_relaxed);
  CopyGeneration();
  page_.clock.store(sys::g_kernel_clock.load(std::memory_order_relaxed), std::memory_order_relaxed);
  if (is_ready) page_.tracing_epoch.store(epoch_, std::memory_order_release);
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
  segment.header()->stack_signal_cookie = Stir(sampling.TakeSeed());
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
  events.Attach(&segment);
  releases.Attach(&segment);
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

}  // namespace limpet
