#include "runtime/session.h"

#include <signal.h>
#include <unistd.h>

#include "runtime/sys/errno_keeper.h"
#include "runtime/sys/kernel_clock.h"
#include "runtime/tracer.h"

namespace limpet::session {
namespace {

using sys::ErrnoKeeper;

void AddToSite(const InternedStack& stack, SiteKind kind, std::uint64_t weight,
               std::uint64_t bytes) {
  SiteSlot* site = g_tracer.stacks.SiteOf(stack, kind);
  if (site == nullptr) return;
  sys::AddShared(site->allocated_objects, weight);
  sys::AddShared(site->allocated_bytes, bytes);
  sys::AddShared(site->samples, 1);
}

SpareSlot* SpareOf(const ThreadContext& thread) {
  return thread.record != nullptr ? &thread.record->spare_slot : nullptr;
}

void RecordSample(const void* block, std::size_t bytes, SampleWeight weight, ThreadContext& thread,
                  const sys::CallerFrame& caller) {
  auto address = reinterpret_cast<std::uint64_t>(block);
  g_tracer.allocations.Prefetch(address);
  InternedStack stack = g_tracer.Capture(thread, caller);
  g_tracer.Count(thread, {.samples = 1});
  // Allocated before in use, so that a reader in between never finds more in use than was
  // allocated.
  AddToSite(stack, SiteKind::kHeap, weight.fixed, WeightedBytes(bytes, weight.fixed));
  bool is_entered = g_tracer.allocations.Insert({.address = address,
                                                 .requested_bytes = bytes,
                                                 .weight = weight.fixed,
                                                 .time_ns = sys::CoarseMonotonicNs(),
                                                 .stack = stack.id,
                                                 .thread_id = thread.thread_id},
                                                SpareOf(thread));
  if (!is_entered && g_tracer.allocations.IsDamaged()) g_tracer.GiveUp();
}

void PublishSignalStates() {
  if (header() != nullptr) g_tracer.PublishSignalStates();
}

bool StartTracer() {
  ErrnoKeeper errno_keeper;
  return g_tracer.Start();
}

}  // namespace

// Recording an allocation or a free makes no call that sets errno: system calls are our own, and
// the rest is the vDSO's clock. Where more is done, errno is kept there.
SampleWeight OnCharge(std::size_t requested_bytes) {
  ThreadContext& thread = t_thread;
  if (g_tracer.HasSegment() || StartTracer())
    return thread.sampler.ChargeSlow(requested_bytes, g_tracer.sampling);
  thread.sampler = ByteSampler();  // too early to know the interval: as if nothing was charged
  return kNotSampled;
}

void OnAllocation(const void* block, std::size_t requested_bytes, SampleWeight weight,
                  const sys::CallerFrame& caller) {
  if (!weight.IsSampled() || block == nullptr) return;
  ThreadContext& thread = t_thread;
  ReentryGuard guard(thread);
  if (!guard.IsOutermost()) return g_tracer.CountReentrant();
  if (!g_tracer.IsTracing(thread, /*creates=*/true)) return g_tracer.CountStarting();
  RecordSample(block, requested_bytes, weight, thread, caller);
}

// Not guarded against re-entrance: taking a block out is one compare-and-swap, and a free that is
// left out would show as a leak.
SlotId OnReallocStart(const void* block) {
  if (!g_tracer.IsTracing(t_thread, /*creates=*/false)) return SlotId::kNone;
  return g_tracer.allocations.Detach(reinterpret_cast<std::uint64_t>(block));
}

void OnReallocFailed(SlotId slot) {
  if (slot != SlotId::kNone && g_tracer.IsOwnProcess()) g_tracer.allocations.Reattach(slot);
}

void OnReallocDone(SlotId slot) {
  // A handler that forked while the real call was under way leaves a child here.
  if (slot == SlotId::kNone || !g_tracer.IsOwnProcess()) return;
  g_tracer.allocations.Release(slot, SpareOf(t_thread));
  g_tracer.Count(t_thread, {.sample_frees = 1});
}

void OnFree(const void* block) {
  ThreadContext& thread = t_thread;
  if (!g_tracer.IsTracing(thread, /*creates=*/false)) return;
  bool was_sample =
      g_tracer.allocations.Remove(reinterpret_cast<std::uint64_t>(block), SpareOf(thread));
  if (was_sample) g_tracer.Count(thread, {.sample_frees = 1});
}

bool TracesMappings() { return g_tracer.options.traces_mappings; }

std::uint64_t MappingMoment() { return g_tracer.mappings.Now(); }

bool IsMapped(const AddressRange& range) {
  return header() != nullptr && g_tracer.mappings.HoldsAnyOf(range);
}

void OnMap(const AddressRange& range, const sys::CallerFrame& caller) {
  ErrnoKeeper errno_keeper;
  ThreadContext& thread = t_thread;
  ReentryGuard guard(thread);
  if (!guard.IsOutermost()) {
    g_tracer.CountReentrant();
    return OnUnmap(range, MappingMoment());  // it is not recorded, but what lay there is gone
  }
  if (!g_tracer.IsTracing(thread, /*creates=*/true)) return g_tracer.CountStarting();
  std::size_t bytes = range.end - range.start;
  InternedStack stack = g_tracer.Capture(thread, caller);
  AddToSite(stack, SiteKind::kMapping, kWeightOne, bytes);
  g_tracer.mappings.Insert({.address = range.start,
                            .requested_bytes = bytes,
                            .weight = kWeightOne,
                            .time_ns = g_tracer.mappings.Now(),
                            .stack = stack.id,
                            .thread_id = thread.thread_id});
}

void OnUnmap(const AddressRange& range, std::uint64_t moment) {
  ErrnoKeeper errno_keeper;
  if (!g_tracer.IsTracing(t_thread, /*creates=*/false)) return;
  g_tracer.mappings.RemoveRange(range, moment);
}

void OnReplaceFailed(const AddressRange& range, std::uint64_t moment) {
  ErrnoKeeper errno_keeper;
  if (!g_tracer.IsTracing(t_thread, /*creates=*/false)) return;
  g_tracer.mappings.RemoveUnmapped(range, moment);
}

void OnUnload() { g_tracer.InvalidateRules(); }

void Start() {
  ErrnoKeeper errno_keeper;
  g_tracer.Start();
  g_tracer.RemoveInheritedSegment();
}

bool EnsureSegment() {
  ErrnoKeeper errno_keeper;
  return g_tracer.IsTracing(t_thread, /*creates=*/true);
}

void PrepareForSandbox() {
  ErrnoKeeper errno_keeper;
  if (sys::IsSandboxed()) return;  // a second filter: the first may forbid what this takes
  if (g_tracer.IsTracing(t_thread, /*creates=*/true)) g_tracer.segment.TakeLastLease();
}

void OnSandboxStart(sys::Sandbox wanted) {
  sys::g_sandbox.Start(wanted);
  PublishSignalStates();
}

void OnSandboxRefused(sys::Sandbox wanted) {
  sys::g_sandbox.Refuse(wanted);
  PublishSignalStates();
}

// Strict mode leaves no call to grow by, nor to ask who we are.
void OnSandboxEntered(sys::Sandbox wanted) {
  sys::g_sandbox.Enter(wanted);
  if (wanted == sys::Sandbox::kStrict) g_tracer.GiveUp();
}

// A segment that was given up stays mapped, too.
void PrepareToGiveUpRights() {
  bool is_mapped = EnsureSegment() || HasGivenUp();
  if (!is_mapped || sys::IsSandboxed() || IsVforkChild()) return;
  MarkRightsGivenUp(g_tracer.segment.path());
}

void OnRootChangeStart() {
  if (!IsVforkChild()) g_tracer.root_changes.fetch_add(1, std::memory_order_relaxed);
}

void OnRootChangeFailed() {
  if (!IsVforkChild()) g_tracer.root_changes.fetch_sub(1, std::memory_order_relaxed);
}

bool HasChangedRoot() { return g_tracer.root_changes.load(std::memory_order_relaxed) != 0; }

bool IsVforkChild() { return g_tracer.IsOwnProcess() && !g_tracer.IsThisProcess(); }

bool IsMakingSegment() { return g_tracer.IsAttaching() && g_tracer.IsOwnProcess(); }

bool HasGivenUp() { return g_tracer.segment.IsPoisoned() && g_tracer.IsOwnProcess(); }

void ReportBadOptions() {
  Options reread;
  ReadOptions(environ, /*reports=*/true, &reread);
}

void ListenForSegments(void (*listener)()) {
  g_tracer.on_segment = listener;
  if (header() != nullptr) listener();
}

void SetSignalState(OwnSignal which, SignalState state) {
  g_tracer.signal_states.Of(which).store(state, std::memory_order_release);
  PublishSignalStates();
}

SignalState StateOf(OwnSignal which) {
  return g_tracer.signal_states.Of(which).load(std::memory_order_acquire);
}

int NumberOf(OwnSignal which) {
  if (which == OwnSignal::kDump) return options().dump_signal;
  return options().asks_running ? SIGURG : 0;
}

bool IsSegmentOwner() { return g_tracer.IsThisProcess(); }

void AnnounceEnd() {
  SegmentHeader* own = header();
  if (own == nullptr || !IsSegmentOwner()) return;
  g_tracer.records.CloseGone(g_tracer.process_id());
  own->state.store(SegmentState::kExited);
}

void Finish(bool keeps_segment) {
  ErrnoKeeper errno_keeper;
  g_tracer.Finish(keeps_segment);
}

const Options& options() { return g_tracer.options; }

SegmentHeader* header() {
  bool is_ours = g_tracer.IsRecording();
  return is_ours ? g_tracer.segment.header() : nullptr;
}

const char* segment_path() { return g_tracer.segment.path().c_str(); }

}  // namespace limpet::session
