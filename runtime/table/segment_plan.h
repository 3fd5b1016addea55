// Divides a segment's bytes among its sections.
//
//   header | strings 1/64 | modules | threads | mappings 1/64 | nodes 1/4 | sites 1/8 | allocations
//   rest
//
// Sections are bounds, not memory: the file is sparse and pages are reserved as they are used.
//
// Runs: target startup.  Threads: pure.  Allocates: never.
#pragma once

#include <cstdint>

#include "runtime/layout/allocation_slot.h"
#include "runtime/layout/module_slot.h"
#include "runtime/layout/segment.h"
#include "runtime/layout/site_slot.h"
#include "runtime/layout/stack_node.h"
#include "runtime/layout/thread_slot.h"

namespace limpet {

struct SectionPlan {
  SectionKind kind = SectionKind::kNone;
  std::uint32_t entry_bytes = 0;
  std::uint64_t offset = 0;
  std::uint64_t capacity = 0;
};

inline constexpr std::size_t kPlannedSections = 7;
struct SegmentPlan {
  std::uint64_t segment_bytes = 0;
  SectionPlan sections[kPlannedSections];
};

constexpr SegmentPlan PlanSegment(std::uint64_t segment_bytes) {
  constexpr auto kPageMask = kSegmentPageBytes - 1;
  SegmentPlan plan{segment_bytes & ~kPageMask, {}};
  std::uint64_t offset = kSegmentPageBytes;
  std::size_t count = 0;
  auto add = [&](SectionKind kind, std::uint64_t entry_bytes, std::uint64_t bytes) {
    bytes &= ~kPageMask;
    plan.sections[count++] = {kind, static_cast<std::uint32_t>(entry_bytes), offset,
                              bytes / entry_bytes};
    offset += bytes;
  };
  add(SectionKind::kStrings, 1, segment_bytes / 64);
  add(SectionKind::kModules, sizeof(ModuleSlot), segment_bytes / 128);
  add(SectionKind::kThreads, sizeof(ThreadSlot), segment_bytes / 64);
  add(SectionKind::kMappings, sizeof(AllocationSlot), segment_bytes / 64);
  add(SectionKind::kStackNodes, sizeof(StackNode), segment_bytes / 4);
  add(SectionKind::kSites, sizeof(SiteSlot), segment_bytes / 8);
  add(SectionKind::kAllocations, sizeof(AllocationSlot), plan.segment_bytes - offset);
  return plan;
}

}  // namespace limpet
