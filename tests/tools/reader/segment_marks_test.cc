#include "tools/reader/segment_marks.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/support/segment_builder.h"
#include "tests/support/temporary_directory.h"
#include "tools/reader/segment_file.h"
#include "tools/reader/segment_reader.h"

namespace limpet {
namespace {

constexpr std::size_t kState = offsetof(SegmentHeader, watch_state);

class Marks : public ::testing::Test {
 protected:
  Marks() { builder_.WriteTo(path_); }

  std::string Bytes() const {
    std::ifstream file(path_, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }

  // Bytes of the file that `marks` change.
  std::vector<std::size_t> Changed(const SegmentMarks& marks) const {
    const std::string before = Bytes();
    EXPECT_TRUE(WriteMarks(path_, marks).ok());
    const std::string after = Bytes();
    EXPECT_EQ(before.size(), after.size());
    std::vector<std::size_t> changed;
    for (std::size_t at = 0; at < before.size(); ++at) {
      if (before[at] != after[at]) changed.push_back(at);
    }
    return changed;
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_.File("4242-987654.segment");
  SegmentBuilder builder_;
};

TEST_F(Marks, ChangeTheirFieldAlone) {
  using Places = std::vector<std::size_t>;
  EXPECT_EQ(Changed({.watcher_pid = 7}), (Places{offsetof(SegmentHeader, watcher_pid)}));
  EXPECT_EQ(Changed({.beat_ns = 7}), (Places{kState + offsetof(WatchState, beat_ns)}));
  EXPECT_EQ(Changed({.answered_requests = 7}),
            (Places{kState + offsetof(WatchState, answered_requests)}));
  EXPECT_EQ(Changed({.has_last_profile = true}),
            (Places{kState + offsetof(WatchState, has_last_profile)}));
  EXPECT_EQ(Changed({.found_dead_unix_ns = 7}),
            (Places{offsetof(SegmentHeader, found_dead_unix_ns)}));
  EXPECT_EQ(Changed({}), Places{});
}

TEST_F(Marks, AreReadBack) {
  ASSERT_TRUE(WriteMarks(path_, {.watcher_pid = 7, .beat_ns = 8, .answered_requests = 9}).ok());
  const absl::StatusOr<SegmentSnapshot> snapshot = ReadSegment(path_);
  ASSERT_TRUE(snapshot.ok());
  EXPECT_EQ(snapshot->watch.watcher_pid, 7U);
  EXPECT_EQ(snapshot->watch.beat_ns, 8U);
  EXPECT_EQ(snapshot->watch.answered_requests, 9U);
  EXPECT_FALSE(snapshot->watch.has_last_profile);
}

TEST_F(Marks, DoNotTakeAnAnswerBack) {
  ASSERT_TRUE(WriteMarks(path_, {.answered_requests = 9}).ok());
  ASSERT_TRUE(WriteMarks(path_, {.answered_requests = 8}).ok());
  EXPECT_EQ(ReadSegment(path_)->watch.answered_requests, 9U);
}

TEST_F(Marks, OfTheDeadLeaveTheFileItsTime) {
  const auto long_ago = std::filesystem::last_write_time(path_) - std::chrono::hours(5);
  std::filesystem::last_write_time(path_, long_ago);
  ASSERT_TRUE(WriteMarks(path_, {.has_last_profile = true, .found_dead_unix_ns = 7}).ok());
  EXPECT_EQ(std::filesystem::last_write_time(path_), long_ago);
  ASSERT_TRUE(WriteMarks(path_, {.answered_requests = 7, .done_dump_pid = 7}).ok());
  EXPECT_EQ(std::filesystem::last_write_time(path_), long_ago) << "a dump may be of the dead";
  ASSERT_TRUE(WriteMarks(path_, {.beat_ns = 7}).ok());
  EXPECT_GT(std::filesystem::last_write_time(path_), long_ago) << "who beats lives";
}

TEST_F(Marks, AreNotWrittenIntoOtherFiles) {
  EXPECT_FALSE(WriteMarks(directory_.File("none"), {.beat_ns = 7}).ok());
  EXPECT_FALSE(std::filesystem::exists(directory_.File("none")));
  std::filesystem::create_symlink(path_, directory_.File("link"));
  EXPECT_FALSE(WriteMarks(directory_.File("link"), {.beat_ns = 7}).ok());
  ASSERT_EQ(mkfifo(directory_.File("pipe").c_str(), 0600), 0);
  EXPECT_FALSE(WriteMarks(directory_.File("pipe"), {.beat_ns = 7}).ok());
  builder_.ChangeHeader([](SegmentHeader& header) { header.abi_version = kSegmentVersion + 1; });
  builder_.WriteTo(path_);
  EXPECT_FALSE(WriteMarks(path_, {.beat_ns = 7}).ok()) << "another version";
  std::ofstream(path_, std::ios::trunc) << std::string(9000, 'x');
  EXPECT_FALSE(WriteMarks(path_, {.beat_ns = 7}).ok()) << "no segment";
  EXPECT_EQ(Bytes(), std::string(9000, 'x'));
}

TEST_F(Marks, OpenSegmentsCannotBeLockedByThoseThatTidy) {
  const int tidying = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  {
    const absl::StatusOr<SegmentFile> file = SegmentFile::Open(path_);
    EXPECT_NE(flock(tidying, LOCK_EX | LOCK_NB), 0);
  }
  EXPECT_EQ(flock(tidying, LOCK_EX | LOCK_NB), 0);
  EXPECT_TRUE(SegmentFile::Open(path_).ok()) << "without a lock it is read all the same";
  close(tidying);
}

TEST_F(Marks, AMappedSegmentHasAWriter) {
  const absl::StatusOr<SegmentFile> file = SegmentFile::Open(path_);
  ASSERT_TRUE(file.ok());
  if (!file->HasWriter().has_value()) GTEST_SKIP() << "this file system knows no leases";
  EXPECT_EQ(file->HasWriter(), false);
  const int target = open(path_.c_str(), O_RDWR | O_CLOEXEC);
  void* const mapped = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, target, 0);
  close(target);
  EXPECT_EQ(file->HasWriter(), true);
  munmap(mapped, 4096);
  EXPECT_EQ(file->HasWriter(), false);
}

}  // namespace
}  // namespace limpet
