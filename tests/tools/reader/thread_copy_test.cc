#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "tests/support/segment_builder.h"
#include "tests/support/temporary_directory.h"
#include "tools/reader/last_seen.h"
#include "tools/reader/segment_copy.h"
#include "tools/reader/segment_reader.h"

namespace limpet {
namespace {

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
            .lock_ns = 600};
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
  builder_.ShortenThreads(160);
  const SegmentSnapshot snapshot = Read();
  ASSERT_EQ(snapshot.threads.size(), 2U);
  EXPECT_EQ(snapshot.threads[1].name, "worker");
  EXPECT_EQ(snapshot.threads[1].group_ns[0], 0U);
}

TEST_F(ThreadCopying, RefusesSlotsShorterThanAnyTargetHad) {
  builder_.AddThread(Waiting());
  builder_.ShortenThreads(152);
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

}  // namespace
}  // namespace limpet
