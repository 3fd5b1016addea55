// The treaty in numbers: what readers of other versions rely on. A change here is a change of
// kSegmentVersion, or an append.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

#include "runtime/layout/allocation_slot.h"
#include "runtime/layout/counters.h"
#include "runtime/layout/event_site.h"
#include "runtime/layout/module_slot.h"
#include "runtime/layout/release_slot.h"
#include "runtime/layout/segment.h"
#include "runtime/layout/site_slot.h"
#include "runtime/layout/stack_node.h"
#include "runtime/layout/thread_slot.h"

namespace limpet {
namespace {

struct Golden {
  const char* name;
  std::size_t actual;
  std::size_t golden;
};

#define LIMPET_SIZE(type, bytes) \
  Golden { #type, sizeof(type), bytes }
#define LIMPET_OFFSET(type, field, offset) \
  Golden { "  " #type "." #field, offsetof(type, field), offset }

constexpr Golden kGoldens[] = {
    LIMPET_SIZE(SegmentHeader, 2560),
    LIMPET_OFFSET(SegmentHeader, magic, 0),
    LIMPET_OFFSET(SegmentHeader, abi_version, 8),
    LIMPET_OFFSET(SegmentHeader, header_bytes, 12),
    LIMPET_OFFSET(SegmentHeader, state, 16),
    LIMPET_OFFSET(SegmentHeader, section_count, 20),
    LIMPET_OFFSET(SegmentHeader, segment_bytes, 24),
    LIMPET_OFFSET(SegmentHeader, pid, 32),
    LIMPET_OFFSET(SegmentHeader, uid, 36),
    LIMPET_OFFSET(SegmentHeader, start_ticks, 40),
    LIMPET_OFFSET(SegmentHeader, created_unix_ns, 48),
    LIMPET_OFFSET(SegmentHeader, created_monotonic_ns, 56),
    LIMPET_OFFSET(SegmentHeader, sample_interval_bytes, 64),
    LIMPET_OFFSET(SegmentHeader, dump_signal_state, 72),
    LIMPET_OFFSET(SegmentHeader, dump_signal, 76),
    LIMPET_OFFSET(SegmentHeader, dump_requests, 80),
    LIMPET_OFFSET(SegmentHeader, watcher_pid, 84),
    LIMPET_OFFSET(SegmentHeader, launch_errno, 88),
    LIMPET_OFFSET(SegmentHeader, parent_pid, 92),
    LIMPET_OFFSET(SegmentHeader, max_bytes, 96),
    LIMPET_OFFSET(SegmentHeader, pid_namespace, 104),
    LIMPET_OFFSET(SegmentHeader, program, 112),
    LIMPET_OFFSET(SegmentHeader, sections, 168),
    LIMPET_OFFSET(SegmentHeader, counters, 680),
    LIMPET_OFFSET(SegmentHeader, executable, 896),
    LIMPET_OFFSET(SegmentHeader, command_line, 1408),
    LIMPET_OFFSET(SegmentHeader, dump_directory, 1920),
    LIMPET_OFFSET(SegmentHeader, watch_settings, 2432),
    LIMPET_OFFSET(SegmentHeader, watch_state, 2480),
    LIMPET_OFFSET(SegmentHeader, watch_key, 2496),
    LIMPET_OFFSET(SegmentHeader, found_dead_unix_ns, 2504),
    LIMPET_OFFSET(SegmentHeader, end_status, 2512),
    LIMPET_OFFSET(SegmentHeader, oom_kills, 2516),
    LIMPET_OFFSET(SegmentHeader, done_dump_pid, 2520),
    LIMPET_OFFSET(SegmentHeader, stack_signal_state, 2524),
    LIMPET_OFFSET(SegmentHeader, stack_signal_cookie, 2528),
    LIMPET_OFFSET(SegmentHeader, copied_unix_ns, 2536),
    LIMPET_OFFSET(SegmentHeader, copied_monotonic_ns, 2544),
    LIMPET_OFFSET(SegmentHeader, block_rate_ns, 2552),
    LIMPET_SIZE(SectionEntry, 32),
    LIMPET_OFFSET(SectionEntry, kind, 0),
    LIMPET_OFFSET(SectionEntry, entry_bytes, 4),
    LIMPET_OFFSET(SectionEntry, offset, 8),
    LIMPET_OFFSET(SectionEntry, capacity, 16),
    LIMPET_OFFSET(SectionEntry, used, 24),
    LIMPET_SIZE(SegmentCounters, 216),
    LIMPET_OFFSET(WorkCounters, samples, 0),
    LIMPET_OFFSET(SegmentCounters, dropped_reentrant, 40),
    LIMPET_OFFSET(SegmentCounters, truncated_stacks, 96),
    LIMPET_OFFSET(SegmentCounters, reserved_bytes, 120),
    LIMPET_OFFSET(SegmentCounters, companions_started, 144),
    LIMPET_OFFSET(SegmentCounters, stale_mappings, 152),
    LIMPET_OFFSET(SegmentCounters, dropped_events_full, 160),
    LIMPET_OFFSET(SegmentCounters, reserved, 168),
    LIMPET_SIZE(AllocationSlot, 48),
    LIMPET_OFFSET(AllocationSlot, address, 0),
    LIMPET_OFFSET(AllocationSlot, generation, 8),
    LIMPET_OFFSET(AllocationSlot, next_free, 12),
    LIMPET_OFFSET(AllocationSlot, requested_bytes, 16),
    LIMPET_OFFSET(AllocationSlot, weight, 24),
    LIMPET_OFFSET(AllocationSlot, time_ns, 32),
    LIMPET_OFFSET(AllocationSlot, stack, 40),
    LIMPET_OFFSET(AllocationSlot, thread_id, 44),
    LIMPET_SIZE(StackNode, 16),
    LIMPET_OFFSET(StackNode, frame, 0),
    LIMPET_OFFSET(StackNode, parent, 8),
    LIMPET_OFFSET(StackNode, site, 12),
    LIMPET_SIZE(SiteSlot, 40),
    LIMPET_OFFSET(SiteSlot, stack, 0),
    LIMPET_OFFSET(SiteSlot, kind, 4),
    LIMPET_OFFSET(SiteSlot, allocated_objects, 8),
    LIMPET_OFFSET(SiteSlot, allocated_bytes, 16),
    LIMPET_OFFSET(SiteSlot, samples, 24),
    LIMPET_SIZE(EventSite, 32),
    LIMPET_OFFSET(EventSite, key, 0),
    LIMPET_OFFSET(EventSite, events, 8),
    LIMPET_OFFSET(EventSite, duration_ns, 16),
    LIMPET_SIZE(ReleaseSlot, 392),
    LIMPET_OFFSET(ReleaseSlot, count, 0),
    LIMPET_OFFSET(ReleaseSlot, releases, 8),
    LIMPET_SIZE(ReleaseEntry, 24),
    LIMPET_OFFSET(ReleaseEntry, object, 0),
    LIMPET_OFFSET(ReleaseEntry, time_ns, 8),
    LIMPET_OFFSET(ReleaseEntry, who, 16),
    LIMPET_SIZE(ModuleSlot, 96),
    LIMPET_OFFSET(ModuleSlot, start, 0),
    LIMPET_OFFSET(ModuleSlot, end, 8),
    LIMPET_OFFSET(ModuleSlot, load_bias, 16),
    LIMPET_OFFSET(ModuleSlot, file_offset, 24),
    LIMPET_OFFSET(ModuleSlot, path_offset, 32),
    LIMPET_OFFSET(ModuleSlot, path_bytes, 36),
    LIMPET_OFFSET(ModuleSlot, build_id_bytes, 40),
    LIMPET_OFFSET(ModuleSlot, ready, 44),
    LIMPET_OFFSET(ModuleSlot, build_id, 48),
    LIMPET_OFFSET(ModuleSlot, map_start, 80),
    LIMPET_OFFSET(ModuleSlot, map_end, 88),
    LIMPET_SIZE(ThreadSlot, 320),
    LIMPET_OFFSET(ThreadSlot, sequence, 0),
    LIMPET_OFFSET(ThreadSlot, state, 4),
    LIMPET_OFFSET(ThreadSlot, reason, 8),
    LIMPET_OFFSET(ThreadSlot, stack, 12),
    LIMPET_OFFSET(ThreadSlot, object, 16),
    LIMPET_OFFSET(ThreadSlot, since_ns, 24),
    LIMPET_OFFSET(ThreadSlot, descriptor, 40),
    LIMPET_OFFSET(ThreadSlot, parked_ns, 56),
    LIMPET_OFFSET(ThreadSlot, thread_id, 64),
    LIMPET_OFFSET(ThreadSlot, name, 88),
    LIMPET_OFFSET(ThreadSlot, started_ns, 104),
    LIMPET_OFFSET(ThreadSlot, running_answer, 112),
    LIMPET_OFFSET(ThreadSlot, work, 120),
    LIMPET_OFFSET(ThreadSlot, group_ns, 160),
    LIMPET_OFFSET(ThreadSlot, read_holds, 256),
};

TEST(Layout, IsTheOneThatReadersKnow) {
  std::string table;
  for (const Golden& golden : kGoldens) {
    char line[100];
    snprintf(line, sizeof(line), "%-44s %5zu%s\n", golden.name, golden.actual,
             golden.actual == golden.golden ? "" : "   <-- changed");
    table += line;
  }
  printf("%s", table.c_str());
  for (const Golden& golden : kGoldens) EXPECT_EQ(golden.actual, golden.golden) << golden.name;
}

TEST(Layout, HasAHeaderThatFitsAPage) { EXPECT_LE(sizeof(SegmentHeader), kSegmentPageBytes); }

TEST(Layout, HasOneCounterAfterTheOther) {
  EXPECT_EQ(sizeof(SegmentCounters) % sizeof(Counter), 0u);
  EXPECT_EQ(alignof(SegmentCounters), alignof(std::uint64_t));
}

TEST(WeightedBytes, AreRoundedToTheNearestByte) {
  EXPECT_EQ(WeightedBytes(100, kWeightOne), 100u);
  EXPECT_EQ(WeightedBytes(3, kWeightOne + kWeightOne / 2), 5u);  // 4.5
  EXPECT_EQ(WeightedBytes(3, kWeightOne + kWeightOne / 2 - 1), 4u);
  EXPECT_EQ(WeightedBytes(0, 1000 * kWeightOne), 0u);
}

TEST(WeightedBytes, DoNotOverflowOnTheWay) {
  EXPECT_EQ(WeightedBytes(std::uint64_t{1} << 62, kWeightOne), std::uint64_t{1} << 62);
  EXPECT_EQ(WeightedBytes(1, std::uint64_t{1} << 56), std::uint64_t{1} << 40);
}

}  // namespace
}  // namespace limpet
