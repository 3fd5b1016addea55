#include "runtime/dump/segment_copy.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/layout/allocation_slot.h"
#include "tests/runtime/sys/child_process.h"
#include "tests/support/segment_builder.h"
#include "tools/reader/segment_reader.h"

namespace limpet {
namespace {

std::function<void()> g_write_all;

// One at a time: where writing takes longer than the pause, one every so often would be all there
// is.
void WriteSoon() {
  const itimerval soon = {{0, 0}, {0, 20}};
  setitimer(ITIMER_REAL, &soon, nullptr);
}

constexpr std::uint64_t kSlots = 1000;  // many parts, the last of them not whole

class SegmentCopy : public testing::Test {
 protected:
  SegmentCopy() {
    SegmentBuilder builder;
    const std::uint32_t stack = builder.AddStack({{0x1111}, {0x2222}});
    builder.AddSite(stack, {.objects = 4, .bytes = 400});
    for (std::uint64_t i = 0; i < kSlots; ++i) builder.AddAllocation(stack, {});
    const std::string bytes = builder.Build();
    memory_ = std::make_unique<Page[]>(bytes.size() / sizeof(Page) + 1);
    std::memcpy(memory_.get(), bytes.data(), bytes.size());
    WriteAll(1);
  }

  void TearDown() override {
    signal(SIGALRM, SIG_IGN);
    g_write_all = nullptr;
  }

  const SegmentHeader& header() const {
    return *reinterpret_cast<const SegmentHeader*>(memory_.get());
  }

  off_t OffsetOfSlots() const {
    const SectionEntry* section = header().sections;
    while (section->kind != SectionKind::kAllocations) ++section;
    return static_cast<off_t>(section->offset);
  }

  AllocationSlot& Slot(std::uint64_t index) {
    char* slots = reinterpret_cast<char*>(memory_.get()) + OffsetOfSlots();
    return reinterpret_cast<AllocationSlot*>(slots)[index];
  }

  // All fields say `value`, so that what is half of two is seen.
  void Write(std::uint64_t index, std::uint64_t value) {
    AllocationSlot& slot = Slot(index);
    const std::uint32_t generation = slot.generation.load();
    slot.generation.store(generation + 1);
    slot.address.store(value, std::memory_order_release);
    slot.requested_bytes.store(value, std::memory_order_release);
    slot.weight.store(value, std::memory_order_release);
    slot.time_ns.store(value, std::memory_order_release);
    slot.thread_id.store(static_cast<std::uint32_t>(value), std::memory_order_release);
    slot.generation.store(generation + 2, std::memory_order_release);
  }

  void WriteAll(std::uint64_t value) {
    for (std::uint64_t i = 0; i < kSlots; ++i) Write(i, value);
  }

  absl::StatusOr<SegmentSnapshot> Copy() {
    const int file = memfd_create("copy", MFD_CLOEXEC);
    EXPECT_EQ(CopySegment(header(), file), 0);
    absl::StatusOr<SegmentFile> adopted = SegmentFile::Adopt(file);
    return adopted.ok() ? ReadSegment(*std::move(adopted)) : adopted.status();
  }

  std::uint64_t next_value_ = 2;

 private:
  struct Page {
    alignas(64) char bytes[kSegmentPageBytes];
  };

  std::unique_ptr<Page[]> memory_;
};

TEST_F(SegmentCopy, HasWhatIsInUse) {
  const absl::StatusOr<SegmentSnapshot> copy = Copy();
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_EQ(copy->pid, 4242u);
  EXPECT_EQ(copy->stacks.begin()->second.frames.size(), 2u);
  ASSERT_EQ(copy->sites.size(), 1u);
  EXPECT_EQ(copy->sites.front().allocated_bytes, 400u);
  ASSERT_EQ(copy->allocations.size(), kSlots);
  EXPECT_EQ(copy->allocations.back().requested_bytes, 1u);
  EXPECT_EQ(copy->torn_slots, 0u);
}

TEST_F(SegmentCopy, CountsASlotThatIsNeverWhole) {
  Slot(77).generation.fetch_add(1);  // its writer was interrupted, by us perhaps
  const absl::StatusOr<SegmentSnapshot> copy = Copy();
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_EQ(copy->allocations.size(), kSlots - 1);
  EXPECT_EQ(copy->torn_slots, 1u);
}

bool IsOfOneWritingOrTorn(const AllocationSlot& slot) {
  const std::uint64_t value = slot.address;
  return slot.generation % 2 == 1 ||
         (slot.requested_bytes == value && slot.weight == value && slot.time_ns == value);
}

// A timer's handler is the writer, for it comes between any two instructions; a thread's stores
// arrive in a cache line all at once.
TEST_F(SegmentCopy, HasNoHalfSlotsOfAWriterThatGoesOn) {
  g_write_all = [this] { WriteAll(next_value_++); };
  struct sigaction action = {};
  action.sa_handler = [](int) {
    g_write_all();
    WriteSoon();
  };
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, nullptr);
  WriteSoon();
  const int file = memfd_create("copy", MFD_CLOEXEC);
  std::vector<AllocationSlot> slots(kSlots);
  for (int round = 0; round < 1000 && next_value_ < 500; ++round) {
    ASSERT_EQ(CopySegment(header(), file), 0);
    const std::size_t bytes = slots.size() * sizeof(AllocationSlot);
    ASSERT_EQ(pread(file, static_cast<void*>(slots.data()), bytes, OffsetOfSlots()),
              static_cast<ssize_t>(bytes));
    ASSERT_TRUE(std::all_of(slots.begin(), slots.end(), IsOfOneWritingOrTorn));
  }
  close(file);
  EXPECT_GT(next_value_, 20u) << "it was interrupted";
}

TEST_F(SegmentCopy, SaysWhyThereIsNone) {
  EXPECT_EQ(CopySegment(header(), -1), -EBADF);
  test::ExpectInChild([&] {
    const rlimit limit = {4096, 4096};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    const int file = memfd_create("copy", MFD_CLOEXEC);
    if (CopySegment(header(), file) != -EFBIG) abort();
  });
}

}  // namespace
}  // namespace limpet
