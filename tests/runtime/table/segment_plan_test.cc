#include "runtime/table/segment_plan.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <vector>

namespace limpet {
namespace {

// From the smallest to the largest, also sizes that are no power of two and no multiple of a page.
std::vector<std::uint64_t> SegmentSizes() {
  std::vector<std::uint64_t> sizes;
  for (std::uint64_t bytes = 1 << 20; bytes <= std::uint64_t{4} << 30; bytes += bytes / 3 + 1) {
    sizes.push_back(bytes);
    sizes.push_back(bytes & ~(kSegmentPageBytes - 1));
  }
  for (int shift = 20; shift <= 32; ++shift) sizes.push_back(std::uint64_t{1} << shift);
  return sizes;
}

std::uint64_t EndOf(const SectionPlan& section) {
  return section.offset + section.capacity * section.entry_bytes;
}

TEST(PlanSegment, PlansEveryKindOnce) {
  for (std::uint64_t bytes : SegmentSizes()) {
    std::set<SectionKind> kinds;
    for (const SectionPlan& section : PlanSegment(bytes).sections) kinds.insert(section.kind);
    ASSERT_EQ(kinds.size(), kPlannedSections) << bytes;
    ASSERT_EQ(kinds.count(SectionKind::kNone), 0u) << bytes;
  }
}

TEST(PlanSegment, KeepsSectionsApartAndBehindTheHeader) {
  for (std::uint64_t bytes : SegmentSizes()) {
    const SegmentPlan plan = PlanSegment(bytes);
    std::uint64_t end = sizeof(SegmentHeader);
    for (const SectionPlan& section : plan.sections) {
      ASSERT_GE(section.offset, end) << bytes;
      end = EndOf(section);
    }
    ASSERT_LE(end, plan.segment_bytes) << bytes;
    ASSERT_LE(plan.segment_bytes, bytes);
  }
}

TEST(PlanSegment, StartsSectionsAtPages) {
  for (std::uint64_t bytes : SegmentSizes()) {
    const SegmentPlan plan = PlanSegment(bytes);
    ASSERT_EQ(plan.segment_bytes % kSegmentPageBytes, 0u) << bytes;
    for (const SectionPlan& section : plan.sections) {
      ASSERT_EQ(section.offset % kSegmentPageBytes, 0u) << bytes;
    }
  }
}

TEST(PlanSegment, LeavesNoSectionEmpty) {
  for (std::uint64_t bytes : SegmentSizes()) {
    for (const SectionPlan& section : PlanSegment(bytes).sections) {
      ASSERT_GE(section.capacity, 64u) << bytes;
    }
  }
}

TEST(PlanSegment, WastesLessThanAPageASection) {
  for (std::uint64_t bytes : SegmentSizes()) {
    const SegmentPlan plan = PlanSegment(bytes);
    std::uint64_t used = kSegmentPageBytes;
    for (const SectionPlan& section : plan.sections) used += section.capacity * section.entry_bytes;
    ASSERT_LT(plan.segment_bytes - used, kPlannedSections * kSegmentPageBytes) << bytes;
  }
}

TEST(PlanSegment, KeepsIndexesAndStringOffsetsWithin32Bits) {
  for (const SectionPlan& section : PlanSegment(std::uint64_t{4} << 30).sections) {
    EXPECT_LT(section.capacity, 0xffff'ffffu);
  }
}

TEST(PlanSegment, GivesEachSectionItsEntrySize) {
  for (const SectionPlan& section : PlanSegment(64 << 20).sections) {
    switch (section.kind) {
      case SectionKind::kStrings:
        EXPECT_EQ(section.entry_bytes, 1u);
        break;
      case SectionKind::kModules:
        EXPECT_EQ(section.entry_bytes, sizeof(ModuleSlot));
        break;
      case SectionKind::kStackNodes:
        EXPECT_EQ(section.entry_bytes, sizeof(StackNode));
        break;
      case SectionKind::kSites:
        EXPECT_EQ(section.entry_bytes, sizeof(SiteSlot));
        break;
      case SectionKind::kAllocations:
      case SectionKind::kMappings:
        EXPECT_EQ(section.entry_bytes, sizeof(AllocationSlot));
        break;
      case SectionKind::kEvents:
        EXPECT_EQ(section.entry_bytes, sizeof(EventSite));
        break;
      case SectionKind::kReleases:
        EXPECT_EQ(section.entry_bytes, sizeof(ReleaseSlot));
        break;
      case SectionKind::kThreads:
        EXPECT_EQ(section.entry_bytes, sizeof(ThreadSlot));
        break;
      case SectionKind::kNone:
        ADD_FAILURE() << "a section of no kind";
    }
  }
}

}  // namespace
}  // namespace limpet
