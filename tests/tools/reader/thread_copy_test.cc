#include "tools/reader/thread_copy.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>
#include <vector>

#include "runtime/park/waiting_part.h"
#include "tests/support/segment_builder.h"
#include "tests/support/temporary_directory.h"
#include "tools/reader/last_seen.h"
#include "tools/reader/segment_copy.h"
#include "tools/reader/segment_reader.h"

namespace limpet {
namespace {

// A file as its writer has it.
class SharedFile {
 public:
  explicit SharedFile(const std::string& path) : bytes_(std::filesystem::file_size(path)) {
    const int file = open(path.c_str(), O_RDWR | O_CLOEXEC);
    memory_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
  }
  ~SharedFile() { munmap(memory_, bytes_); }
  SharedFile(const SharedFile&) = delete;
  SharedFile& operator=(const SharedFile&) = delete;

  template <class Entry>
  Entry& At(std::uint64_t offset) const {
    return *reinterpret_cast<Entry*>(static_cast<char*>(memory_) + offset);
  }

 private:
  std::size_t bytes_;
  void* memory_;
};

class ThreadCopying : public ::testing::Test {
 protected:
  SegmentSnapshot Read() {
    builder_.WriteTo(path_);
    absl::StatusOr<SegmentSnapshot> snapshot = ReadSegment(path_);
    EXPECT_TRUE(snapshot.ok()) << snapshot.status();
    return *std::move(snapshot);
  }

  ThreadSpec Waiting() {
    return {.thread_id = 4243,
            .state = ThreadState::kParked,
            .name = "worker",
            .number = 2,
            .creator_number = 1,
            .creator_thread_id = 4242,
            .creation_stack = builder_.AddStack({{0x1111}, {0x2222}}),
            .life = kThreadDetached,
            .started_ns = 100,
            .reason = WaitReason::kMutex,
            .object = 0x5000,
            .since_ns = 700,
            .timeout_ns = 30,
            .descriptor = 5,
            .owner_thread_id = 4242,
            .stack = builder_.AddStack({{0x3333}}),
            .park_count = 9,
            .parked_ns = 800,
            .lock_ns = 600,
            .read_lock = 0x7040};
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_.File("4242-987654.segment");
  SegmentBuilder builder_;
};

TEST_F(ThreadCopying, ReadsWhoWaitsForWhatAndWhoMadeIt) {
  builder_.AddThread({.state = ThreadState::kFree});
  builder_.AddThread(Waiting());
  const SegmentSnapshot snapshot = Read();
  ASSERT_EQ(snapshot.threads.size(), 1U);
  const ThreadRecord& thread = snapshot.threads[0];
  EXPECT_EQ(thread.thread_id, 4243U);
  EXPECT_EQ(thread.state, ThreadState::kParked);
  EXPECT_EQ(thread.name, "worker");
  EXPECT_EQ(thread.number, 2U);
  EXPECT_EQ(thread.creator_number, 1U);
  EXPECT_EQ(thread.creator_thread_id, 4242U);
  EXPECT_EQ(snapshot.stacks.at(thread.creation_stack).frames.size(), 2U);
  EXPECT_EQ(thread.life, kThreadDetached);
  EXPECT_EQ(thread.started_ns, 100U);
  EXPECT_EQ(thread.reason, WaitReason::kMutex);
  EXPECT_EQ(thread.object, 0x5000U);
  EXPECT_EQ(thread.since_ns, 700U);
  EXPECT_EQ(thread.timeout_ns, 30U);
  EXPECT_EQ(thread.descriptor, 5);
  EXPECT_EQ(thread.owner_thread_id, 4242U);
  EXPECT_EQ(snapshot.stacks.at(thread.stack).frames[0].address, 0x3333U);
  EXPECT_EQ(thread.park_count, 9U);
  EXPECT_EQ(thread.parked_ns, 800U);
  EXPECT_EQ(thread.group_ns[static_cast<int>(WaitGroup::kLock)], 600U);
  EXPECT_EQ(snapshot.torn_threads, 0U);
  EXPECT_EQ(snapshot.invalid_slots, 0U);
  EXPECT_EQ(thread.read_locks, std::vector<std::uint64_t>{0x7040});
}

TEST_F(ThreadCopying, OfOneThatRunsSaysNothingOfAnEarlierWait) {
  ThreadSpec running = Waiting();
  running.state = ThreadState::kRunning;
  builder_.AddThread(running);
  const SegmentSnapshot snapshot = Read();
  ASSERT_EQ(snapshot.threads.size(), 1U);
  EXPECT_EQ(snapshot.threads[0].reason, WaitReason::kNone);
  EXPECT_EQ(snapshot.threads[0].stack, 0U);
  EXPECT_EQ(snapshot.threads[0].descriptor, -1);
  EXPECT_NE(snapshot.threads[0].creation_stack, 0U);
}

TEST_F(ThreadCopying, ShowsAsRunningWhomAKilledWriterLeftHalfWritten) {
  ThreadSpec torn = Waiting();
  torn.sequence = 3;
  builder_.AddThread(torn);
  const SegmentSnapshot snapshot = Read();
  ASSERT_EQ(snapshot.threads.size(), 1U);
  EXPECT_EQ(snapshot.threads[0].state, ThreadState::kRunning);
  EXPECT_EQ(snapshot.threads[0].number, 2U);
  EXPECT_EQ(snapshot.threads[0].object, 0U);
  EXPECT_EQ(snapshot.torn_threads, 1U);
}

TEST_F(ThreadCopying, ReadsTheShorterSlotsOfAnOlderTarget) {
  builder_.AddThread(Waiting());
  builder_.AddThread(Waiting());
  builder_.ShortenThreads(256);
  const SegmentSnapshot snapshot = Read();
  ASSERT_EQ(snapshot.threads.size(), 2U);
  EXPECT_EQ(snapshot.threads[1].name, "worker");
  EXPECT_TRUE(snapshot.threads[1].read_locks.empty());
}

TEST_F(ThreadCopying, RefusesSlotsShorterThanAnyTargetHad) {
  builder_.AddThread(Waiting());
  builder_.ShortenThreads(248);
  builder_.WriteTo(path_);
  EXPECT_EQ(ReadSegment(path_).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(ThreadCopying, BelievesNoSlotThatCannotBe) {
  ThreadSpec spec = Waiting();
  spec.state = static_cast<ThreadState>(77);
  builder_.AddThread(spec);
  spec = Waiting();
  spec.reason = static_cast<WaitReason>(4'000'000'000);
  spec.descriptor = -77;
  spec.name = std::string(16, 'x');
  spec.stack = 1'000'000;
  spec.creation_stack = 1;
  builder_.AddThread(spec);
  const SegmentSnapshot snapshot = Read();
  ASSERT_EQ(snapshot.threads.size(), 1U);
  EXPECT_EQ(snapshot.threads[0].reason, WaitReason::kNone);
  EXPECT_EQ(snapshot.threads[0].descriptor, -1);
  EXPECT_EQ(snapshot.threads[0].name, std::string(16, 'x'));
  EXPECT_TRUE(snapshot.stacks.at(snapshot.threads[0].stack).frames.empty());
  EXPECT_EQ(snapshot.threads[0].creation_stack, 0U);
  EXPECT_EQ(snapshot.invalid_slots, 2U);
}

TEST_F(ThreadCopying, KnowsNoTimeThatNoClockHas) {
  ThreadSpec spec = Waiting();
  spec.since_ns = UINT64_MAX - 5;
  spec.started_ns = std::uint64_t{1} << 63;
  builder_.AddThread(spec);
  builder_.AddAllocation(0, {.time_ns = UINT64_MAX});
  builder_.ChangeHeader([](SegmentHeader& header) {
    header.created_unix_ns = std::uint64_t{1} << 63;
    header.created_monotonic_ns = INT64_MAX;
  });
  SegmentSnapshot snapshot = Read();
  EXPECT_EQ(snapshot.threads.at(0).since_ns, 0U);
  EXPECT_EQ(snapshot.threads.at(0).started_ns, 0U);
  EXPECT_EQ(snapshot.created_unix_ns, 0U);
  EXPECT_EQ(LastEventNs(snapshot), static_cast<std::uint64_t>(INT64_MAX));
  snapshot.created_unix_ns = INT64_MAX;
  EXPECT_GE(LastSeenUnixNs(snapshot), static_cast<std::uint64_t>(INT64_MAX)) << "wraps nowhere";
}

TEST_F(ThreadCopying, IsThereInARawCopy) {
  builder_.AddThread(Waiting());
  ThreadSpec torn = Waiting();
  torn.sequence = 5;
  builder_.AddThread(torn);
  builder_.WriteTo(path_);
  std::string bytes;
  const SegmentSink sink{.set_bytes =
                             [&bytes](std::uint64_t count) {
                               bytes.resize(count);
                               return absl::OkStatus();
                             },
                         .write_at =
                             [&bytes](std::uint64_t offset, absl::string_view part) {
                               bytes.replace(offset, part.size(), part.data(), part.size());
                               return absl::OkStatus();
                             }};
  ASSERT_TRUE(CopySegment(path_, {}, sink).ok());
  EXPECT_EQ(bytes, builder_.Build());
}

// Waits of a thread whose parts all follow from one number, as fast as they can be written, with
// pauses that a reader may or may not hit.
class BusyThread {
 public:
  explicit BusyThread(ThreadSlot& slot) : slot_(slot), thread_([this] { Run(); }) {}
  ~BusyThread() {
    is_over_ = true;
    thread_.join();
  }

  static void Write(ThreadSlot& slot, std::uint32_t number) {
    WaitingPartWriter part(slot, /*stays_open=*/false);
    part.Write({.reason = number % 2 != 0 ? WaitReason::kMutex : WaitReason::kRead,
                .descriptor = static_cast<std::int32_t>(number),
                .object = 5 * std::uint64_t{number},
                .timeout_ns = 3 * std::uint64_t{number},
                .owner_thread_id = number ^ 0x5555},
               2 * std::uint64_t{number}, StackId{number + kRootNodes}, ThreadState::kParked);
  }

 private:
  void Run() {
    for (std::uint32_t number = 1; !is_over_; ++number) {
      Write(slot_, number & 0xFFFFF);
      for (std::uint32_t pause = number * 2'654'435'761U >> 20; pause != 0; --pause) pause_ = pause;
    }
  }

  ThreadSlot& slot_;
  volatile std::uint32_t pause_ = 0;
  std::atomic<bool> is_over_ = false;
  std::thread thread_;
};

void ExpectOneWait(const ThreadRecord& thread) {
  const auto number = static_cast<std::uint32_t>(thread.descriptor);
  ASSERT_EQ(thread.reason, number % 2 != 0 ? WaitReason::kMutex : WaitReason::kRead);
  ASSERT_EQ(thread.object, 5 * std::uint64_t{number});
  ASSERT_EQ(thread.timeout_ns, 3 * std::uint64_t{number});
  ASSERT_EQ(thread.owner_thread_id, number ^ 0x5555);
  ASSERT_EQ(thread.since_ns, 2 * std::uint64_t{number});
  ASSERT_EQ(thread.stack, number + kRootNodes);
}

TEST_F(ThreadCopying, OfWaitsThatFollowEachOtherAtFullSpeedMixesNone) {
  builder_.AddThread(Waiting());
  builder_.WriteTo(path_);
  const absl::StatusOr<SegmentFile> file = SegmentFile::Open(path_);
  SegmentHeader header{};
  ASSERT_TRUE(ReadHeader(*file, header).ok());
  const SectionRange threads = FindSection(header, SectionKind::kThreads);
  SharedFile shared(path_);
  ThreadSlot& slot = shared.At<ThreadSlot>(threads.offset);
  BusyThread::Write(slot, 1);
  const BusyThread busy(slot);
  std::uint64_t torn = 0;
  std::set<std::int32_t> seen;
  while (seen.size() < 1000 || torn < 100) {
    WorkCounters work{};
    const absl::StatusOr<ThreadCopy> copy = CopyThreads(*file, threads, work);
    ASSERT_EQ(copy->records.size(), 1U);
    torn += copy->torn_slots;
    if (copy->torn_slots != 0) continue;
    seen.insert(copy->records[0].descriptor);
    ASSERT_NO_FATAL_FAILURE(ExpectOneWait(copy->records[0]));
  }
}

}  // namespace
}  // namespace limpet
