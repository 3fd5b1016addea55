#include "runtime/table/segment_writer.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

#include "tests/runtime/sys/child_process.h"
#include "tests/runtime/table/parallel.h"
#include "tests/runtime/table/test_segment.h"

namespace limpet {
namespace {

using test::kMiB;
using test::MakeSegment;
using test::MakeSegmentMemory;

constexpr std::uint64_t kChunkBytes = 16384;

// Lines of /proc/self/maps that name `file`.
std::size_t MappingsOf(const std::string& file) {
  std::ifstream maps("/proc/self/maps");
  std::size_t count = 0;
  for (std::string line; std::getline(maps, line);) count += line.find(file) != line.npos ? 1u : 0u;
  return count;
}

std::uint64_t ReservedBytes(const SegmentWriter& segment) {
  return segment.counters().reserved_bytes.load();
}

TEST(SegmentWriter, FillsTheHeader) {
  auto segment = MakeSegment(4 * kMiB);
  const SegmentHeader& header = *segment->header();
  EXPECT_EQ(memcmp(&header.magic, "\xFFLIMPET1", 8), 0);
  EXPECT_EQ(header.abi_version, kSegmentVersion);
  EXPECT_EQ(header.header_bytes, sizeof(SegmentHeader));
  EXPECT_EQ(header.segment_bytes, 4 * kMiB);
  EXPECT_EQ(header.section_count, kPlannedSections);
  EXPECT_EQ(header.dump_signal_state.load(), SignalState::kOff);
}

TEST(SegmentWriter, ListsThePlannedSections) {
  auto segment = MakeSegment(4 * kMiB);
  const SegmentPlan plan = PlanSegment(4 * kMiB);
  for (std::size_t i = 0; i < kPlannedSections; ++i) {
    const SectionEntry& entry = segment->header()->sections[i];
    EXPECT_EQ(entry.kind, plan.sections[i].kind);
    EXPECT_EQ(entry.entry_bytes, plan.sections[i].entry_bytes);
    EXPECT_EQ(entry.offset, plan.sections[i].offset);
    EXPECT_EQ(entry.capacity, plan.sections[i].capacity);
    EXPECT_EQ(entry.used.load(), 0u);
    EXPECT_EQ(&segment->Section(entry.kind), &entry);
  }
}

TEST(SegmentWriter, BuildsUntilItIsPublished) {
  auto segment = MakeSegment(kMiB);
  EXPECT_EQ(segment->header()->state.load(), SegmentState::kBuilding);
  segment->Publish();
  EXPECT_EQ(segment->header()->state.load(), SegmentState::kLive);
}

TEST(SegmentWriter, WritesIntoTheFile) {
  SegmentFile file = MakeSegmentMemory(kMiB);
  SegmentWriter segment;
  ASSERT_TRUE(segment.Map(file));
  std::uint64_t magic = 0;
  ASSERT_EQ(pread(file.descriptor, &magic, sizeof(magic), 0), 8);
  EXPECT_EQ(magic, kSegmentMagic);
  CloseSegmentFile(&file);
}

TEST(SegmentWriter, ClaimsEntriesInOrderUpToCapacity) {
  auto segment = MakeSegment(kMiB);
  SectionEntry& section = segment->Section(SectionKind::kModules);
  std::uint64_t index = 0;
  for (std::uint64_t i = 0; i < section.capacity; ++i) {
    ASSERT_TRUE(segment->Claim(section, 1, &index));
    ASSERT_EQ(index, i);
  }
  index = 4711;
  EXPECT_FALSE(segment->Claim(section, 1, &index));
  EXPECT_EQ(index, 4711u);
  EXPECT_EQ(section.used.load(), section.capacity);
}

TEST(SegmentWriter, ClaimsSeveralEntriesOrNone) {
  auto segment = MakeSegment(kMiB);
  SectionEntry& strings = segment->Section(SectionKind::kStrings);
  std::uint64_t index = 0;
  ASSERT_TRUE(segment->Claim(strings, strings.capacity - 10, &index));
  EXPECT_FALSE(segment->Claim(strings, 11, &index));
  EXPECT_FALSE(segment->Claim(strings, ~std::uint64_t{0}, &index));
  EXPECT_EQ(strings.used.load(), strings.capacity - 10);
  ASSERT_TRUE(segment->Claim(strings, 10, &index));
  EXPECT_EQ(index, strings.capacity - 10);
}

TEST(SegmentWriter, HandsOutZeroedEntriesThatCanBeWritten) {
  auto segment = MakeSegment(kMiB);
  for (const SectionEntry& planned : segment->header()->sections) {
    if (planned.kind == SectionKind::kNone) continue;
    SectionEntry& section = segment->Section(planned.kind);
    char* entries = segment->Entries<char>(planned.kind);
    std::uint64_t first = 0;
    ASSERT_TRUE(segment->Claim(section, section.capacity, &first));
    const std::uint64_t bytes = section.capacity * section.entry_bytes;
    EXPECT_EQ(std::count(entries, entries + bytes, 0), static_cast<std::ptrdiff_t>(bytes));
    memset(entries, 0x5a, bytes);
  }
  EXPECT_EQ(segment->header()->magic, kSegmentMagic);
}

// A child that is forked for a millisecond hardly fills a page of each section.
TEST(SegmentWriter, ReservesPageByPageAtFirst) {
  auto segment = MakeSegment(kMiB);
  EXPECT_EQ(ReservedBytes(*segment), kSegmentPageBytes);
  EXPECT_TRUE(segment->Reserve(0, kSegmentPageBytes));
  EXPECT_EQ(ReservedBytes(*segment), kSegmentPageBytes);
  EXPECT_TRUE(segment->Reserve(10 * kChunkBytes - 1, 2));
  EXPECT_EQ(ReservedBytes(*segment), 3 * kSegmentPageBytes);
}

TEST(SegmentWriter, CountsTheBytesItReserves) {
  auto segment = MakeSegment(kMiB);
  EXPECT_TRUE(segment->Reserve(0, 4 * kChunkBytes));
  EXPECT_EQ(ReservedBytes(*segment), 4 * kChunkBytes);
  EXPECT_TRUE(segment->Reserve(10 * kChunkBytes - 1, 2));
  EXPECT_EQ(ReservedBytes(*segment), 6 * kChunkBytes);
  EXPECT_TRUE(segment->Reserve(9 * kChunkBytes, 2 * kChunkBytes));
  EXPECT_EQ(ReservedBytes(*segment), 6 * kChunkBytes);
  EXPECT_TRUE(segment->Reserve(0, kMiB));
  EXPECT_EQ(ReservedBytes(*segment), kMiB);
  EXPECT_EQ(segment->counters().reservation_failures.load(), 0u);
}

TEST(SegmentWriter, TakesAnotherFileAtTheSameAddress) {
  SegmentFile parent = MakeSegmentMemory(kMiB);
  SegmentFile child = MakeSegmentMemory(kMiB);
  SegmentWriter segment;
  ASSERT_TRUE(segment.Map(parent));
  const SegmentHeader* address = segment.header();
  ASSERT_TRUE(segment.Reserve(0, kMiB));
  segment.Publish();
  ASSERT_TRUE(segment.Map(child));
  EXPECT_EQ(segment.header(), address);
  EXPECT_EQ(segment.header()->state.load(), SegmentState::kBuilding);
  EXPECT_EQ(ReservedBytes(segment), kSegmentPageBytes);
  EXPECT_TRUE(segment.Reserve(0, kMiB));  // nothing is thought to be reserved already
  EXPECT_EQ(ReservedBytes(segment), kMiB);
}

TEST(SegmentWriter, LeavesTheFileItHadBefore) {
  SegmentFile parent = MakeSegmentMemory(kMiB);
  SegmentFile child = MakeSegmentMemory(kMiB);
  SegmentWriter segment;
  ASSERT_TRUE(segment.Map(parent));
  segment.header()->pid = 1;
  ASSERT_TRUE(segment.Map(child));
  segment.header()->pid = 2;
  std::uint32_t pid = 0;
  ASSERT_EQ(pread(parent.descriptor, &pid, sizeof(pid), offsetof(SegmentHeader, pid)), 4);
  EXPECT_EQ(pid, 1u);
}

TEST(SegmentWriter, TakesAFileOfAnotherSize) {
  SegmentWriter segment;
  for (std::uint64_t bytes : {4 * kMiB, kMiB, 8 * kMiB}) {
    ASSERT_TRUE(segment.Map(MakeSegmentMemory(bytes)));
    EXPECT_EQ(segment.header()->segment_bytes, bytes);
    EXPECT_TRUE(segment.Reserve(0, bytes));
    EXPECT_EQ(ReservedBytes(segment), bytes);
  }
}

std::uint64_t MemoryOf(const SegmentFile& file) {
  struct stat status = {};
  EXPECT_EQ(fstat(file.descriptor, &status), 0);
  return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

// mlockall(MCL_FUTURE) fills every mapping that is made later, unless somebody takes care.
TEST(SegmentWriter, TakesNoMoreMemoryInAProgramThatLocksItsOwn) {
  for (int flags : {MCL_FUTURE, MCL_FUTURE | MCL_ONFAULT}) {
    test::ExpectInChild([&] {
      ASSERT_EQ(mlockall(flags), 0);
      SegmentFile file = MakeSegmentMemory(64 * kMiB);
      SegmentWriter segment;
      ASSERT_TRUE(segment.Map(file));
      EXPECT_LE(MemoryOf(file), kChunkBytes);
      SegmentFile next = MakeSegmentMemory(64 * kMiB);
      ASSERT_TRUE(segment.Map(next));
      EXPECT_LE(MemoryOf(next), kChunkBytes);
      ASSERT_TRUE(segment.Reserve(32 * kMiB, 1));
      EXPECT_LE(MemoryOf(next), 2 * kChunkBytes);
    });
  }
}

// What is locked counts against a limit that the program chose for itself.
TEST(SegmentWriter, TakesNothingOfTheLimitOfLockedMemory) {
  if (geteuid() != 0) GTEST_SKIP() << "whether the limit holds for this user is not known";
  test::ExpectInChild([&] {
    rlimit limit = {kMiB, kMiB};
    ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    ASSERT_EQ(setuid(65534), 0);
    ASSERT_EQ(mlockall(MCL_FUTURE), 0);
    SegmentWriter segment;
    EXPECT_TRUE(segment.Map(MakeSegmentMemory(64 * kMiB)));
    void* own = mmap(nullptr, kMiB / 2, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(own, MAP_FAILED);
  });
}

TEST(SegmentWriter, LeavesNoMappingBehindWhereItsFirstPageIsRefused) {
  SegmentFile file = MakeSegmentMemory(64 * kMiB);
  ASSERT_EQ(ftruncate(file.descriptor, 0), 0);  // so that there is no page
  const std::size_t before = MappingsOf("segment");
  SegmentWriter segment;
  EXPECT_FALSE(segment.Map(file));
  EXPECT_EQ(MappingsOf("segment"), before);
}

TEST(SegmentWriter, GivesEachEntryToOneThread) {
  constexpr int kThreads = 8;
  auto segment = MakeSegment(4 * kMiB);
  SectionEntry& section = segment->Section(SectionKind::kSites);
  std::vector<std::uint64_t> all;
  std::mutex mutex;
  test::InParallel(kThreads, [&](int) {
    std::vector<std::uint64_t> own;
    for (std::uint64_t index = 0; segment->Claim(section, 1, &index);) own.push_back(index);
    std::lock_guard lock(mutex);
    all.insert(all.end(), own.begin(), own.end());
  });
  std::sort(all.begin(), all.end());
  ASSERT_EQ(all.size(), section.capacity);
  for (std::uint64_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], i);
  EXPECT_EQ(ReservedBytes(*segment) % kSegmentPageBytes, 0u);
  EXPECT_GE(ReservedBytes(*segment), section.capacity * section.entry_bytes);
}

}  // namespace
}  // namespace limpet
