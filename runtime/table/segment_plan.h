// Divides a segment's bytes among its sections.
//
//   header | strings 1/64 | modules 1/128 | threads 1/16 | mappings 1/64 | nodes 1/4 | sites 1/8 |
//   events 1/256 | releases 1/32 | allocations: the rest
//
// Sections are bounds, not memory: the file is sparse and pages are reserved as they are used.
//
// Runs: target startup.  Threads: pure.  Allocates: never.
#pragma once

#include <cstdint>

#include "runtime/layout/entry_bytes.h"

namespace limpet {

struct SectionPlan {
  SectionKind kind = SectionKind::kNone;
  std::uint32_t entry_bytes = 0;
  std::uint64_t offset = 0;
  std::uint64_t capacity = 0;
};

inline constexpr std::size_t kPlannedSections = 9;
struct SegmentPlan {
  std::uint64_t segment_bytes = 0;
  SectionPlan sections[kPlannedSections];
};

constexpr SegmentPlan PlanSegment(std::uint64_t segment_bytes) {
  constexpr auto kPageMask = kSegmentPageBytes - 1;
  SegmentPlan plan{segment_bytes & ~kPageMask, {}};
  std::uint64_t offset = kSegmentPageBytes;
  std::size_t count = 0;
  auto add = [&](SectionKind kind, std::uint64_t bytes) {
    bytes &= ~kPageMask;
    plan.sections[count++] = {kind, EntryBytes(kind), offset, bytes / EntryBytes(kind)};
    offset += bytes;
  };
  add(SectionKind::kStrings, segment_bytes / 64);
  add(SectionKind::kModules, segment_bytes / 128);
  add(SectionKind::kThreads, segment_bytes / 16);
  add(SectionKind::kMappings, segment_bytes / 64);
  add(SectionKind::kStackNodes, segment_bytes / 4);
  add(SectionKind::kSites, segment_bytes / 8);
  add(SectionKind::kEvents, segment_bytes / 256);
  add(SectionKind::kReleases, segment_bytes / 32);
  add(SectionKind::kAllocations, plan.segment_bytes - offset);
  return plan;
}

}  // namespace limpet
