// What companions remove of dead processes; tests/runtime/table/dead_segment_test.cc is of targets.

#include "tools/reader/dead_segments.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "runtime/layout/dead_segments.h"
#include "tests/support/segment_builder.h"
#include "tests/support/temporary_directory.h"
#include "tools/reader/living_processes.h"
#include "tools/reader/process_facts.h"
#include "tools/reader/segment_file.h"
#include "tools/reader/segment_reader.h"

namespace limpet {
namespace {

constexpr std::uint32_t kNoPid = 9'000'000;  // more than Linux ever gives

std::uint64_t HoursAgo(std::uint64_t hours) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(now).count()) -
         hours * 3600 * 1'000'000'000;
}

class DeadSegmentsOfReader : public ::testing::Test {
 protected:
  struct Remains {
    std::uint32_t pid = kNoPid;
    std::uint64_t start_ticks = 1;
    std::uint64_t pid_namespace = LivingProcesses::Read().own_namespace();
    std::uint64_t found_dead_unix_ns = HoursAgo(1);
    std::uint32_t has_last_profile = 0;
    std::uint64_t kept = kDefaultMaxDeadSegments;  // its own LIMPET_KEEP_DEAD
    bool has_samples = true;
    std::uint32_t threads = 0;
  };

  std::string Leave(const Remains& remains) {
    const std::string path =
        home_.File(std::to_string(remains.pid) + "-" + std::to_string(++number_) + ".segment");
    SegmentBuilder builder;
    builder.ChangeHeader([&](SegmentHeader& header) {
      header.pid = remains.pid;
      header.start_ticks = remains.start_ticks;
      header.pid_namespace = remains.pid_namespace;
      header.found_dead_unix_ns = remains.found_dead_unix_ns;
      header.watch_state.has_last_profile = remains.has_last_profile;
      header.watch_settings.max_dumps = 100;
      header.watch_settings.max_dead_segments = remains.kept;
      header.created_unix_ns += number_;
    });
    if (remains.has_samples) builder.AddSite(builder.AddStack({{0x1111}}), {});
    for (std::uint32_t id = 1; id <= remains.threads; ++id) builder.AddThread({.thread_id = id});
    builder.WriteTo(path);
    return path;
  }

  void Tidy(std::optional<std::uint64_t> max_segments = kDefaultMaxDeadSegments) {
    RemoveOldDeadSegments({home_.path(), "/nowhere"}, max_segments);
  }

  std::size_t Remaining() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(home_.path()), {}));
  }

  TemporaryDirectory home_;
  std::uint64_t number_ = 0;
};

bool Exists(const std::string& path) { return std::filesystem::exists(path); }

TEST_F(DeadSegmentsOfReader, StayUpToTheLimitOldestFirst) {
  const std::string newest = Leave({.found_dead_unix_ns = HoursAgo(1)});
  for (std::uint64_t hours = 2; hours < 8; ++hours) Leave({.found_dead_unix_ns = HoursAgo(hours)});
  Tidy(8);
  EXPECT_EQ(Remaining(), 7U);
  Tidy(1);
  EXPECT_EQ(Remaining(), 1U);
  EXPECT_TRUE(Exists(newest));
  Tidy(0);
  EXPECT_FALSE(Exists(newest));
  EXPECT_TRUE(Exists(home_.path()));
}

TEST_F(DeadSegmentsOfReader, WithoutASampleGoFirst) {
  const std::string evidence = Leave({.found_dead_unix_ns = HoursAgo(5)});
  for (int i = 0; i < 3; ++i) Leave({.found_dead_unix_ns = HoursAgo(1), .has_samples = false});
  Tidy(2);
  EXPECT_EQ(Remaining(), 1U);
  EXPECT_TRUE(Exists(evidence));
}

// A deadlock of a program that allocates little.
TEST_F(DeadSegmentsOfReader, WithThreadsAreEvidenceWithoutASample) {
  const std::string with_threads = Leave({.has_samples = false, .threads = 2});
  const std::string of_main_alone = Leave({.has_samples = false, .threads = 1});
  Tidy();
  EXPECT_TRUE(Exists(with_threads));
  EXPECT_FALSE(Exists(of_main_alone));
}

TEST_F(DeadSegmentsOfReader, AreAsManyAsTheNewestSegmentSays) {
  for (int i = 0; i < 5; ++i) Leave({.kept = 10});
  Leave({.kept = 2});
  Tidy(std::nullopt);
  EXPECT_EQ(Remaining(), 2U);
}

TEST_F(DeadSegmentsOfReader, GoADayAfterTheyWereFound) {
  const std::string old = Leave({.found_dead_unix_ns = HoursAgo(25)});
  const std::string young = Leave({.found_dead_unix_ns = HoursAgo(23)});
  const std::string unknown = Leave({.found_dead_unix_ns = 0});
  std::filesystem::last_write_time(unknown,
                                   std::filesystem::last_write_time(old) - std::chrono::hours(99));
  Tidy();
  EXPECT_FALSE(Exists(old));
  EXPECT_TRUE(Exists(young));
  EXPECT_TRUE(Exists(unknown)) << "it may have lived long, and died just now";
}

TEST_F(DeadSegmentsOfReader, AgeFromWhenTheyAreFound) {
  const std::string path = Leave({.found_dead_unix_ns = 0});
  Tidy();
  SegmentHeader header{};
  ASSERT_TRUE(SegmentFile::Open(path)->ReadAt(0, &header, sizeof(header)).ok());
  EXPECT_LE(HoursAgo(0) - header.found_dead_unix_ns, HoursAgo(0) - HoursAgo(1));
}

TEST_F(DeadSegmentsOfReader, GoFirstWhereTheirLastProfileIsWritten) {
  const std::string evidence = Leave({.found_dead_unix_ns = HoursAgo(5)});
  const std::string written = Leave({.found_dead_unix_ns = HoursAgo(1), .has_last_profile = 1});
  Tidy(1);
  EXPECT_TRUE(Exists(evidence));
  EXPECT_FALSE(Exists(written));
}

TEST_F(DeadSegmentsOfReader, AreBoundInBytes) {
  for (std::uint64_t hours = 1; hours < 4; ++hours) {
    const std::string path = Leave({.found_dead_unix_ns = HoursAgo(hours)});
    const int file = open(path.c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_EQ(posix_fallocate(file, 0, kMaxDeadBytes / 2 - 65536), 0);
    close(file);
  }
  Tidy();
  EXPECT_EQ(Remaining(), 2U);
}

TEST_F(DeadSegmentsOfReader, GoAtOnceIfTheirProcessDiedWhileItMadeThem) {
  const std::string path = home_.File(std::to_string(kNoPid) + "-1.segment");
  const int maker = open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  ASSERT_EQ(ftruncate(maker, 1 << 20), 0);
  Tidy();
  EXPECT_TRUE(Exists(path)) << "it may be of another container, and will begin";
  close(maker);
  Tidy();
  EXPECT_FALSE(Exists(path)) << "nobody can begin it";
}

TEST_F(DeadSegmentsOfReader, StayWhileTheyAreRead) {
  const std::string read = Leave({.found_dead_unix_ns = HoursAgo(25)});
  Leave({});
  {
    const absl::StatusOr<SegmentFile> reader = SegmentFile::Open(read);
    Tidy(0);
    EXPECT_EQ(Remaining(), 1U);
    EXPECT_TRUE(Exists(read));
  }
  Tidy(0);
  EXPECT_FALSE(Exists(read));
}

TEST_F(DeadSegmentsOfReader, AreNotThoseOfTheLiving) {
  const auto pid = static_cast<std::uint32_t>(getpid());
  const std::string ours = Leave({.pid = pid, .start_ticks = ReadProcess(pid)->start_ticks});
  const std::string before = Leave({.pid = pid, .start_ticks = 1});  // the PID came again
  Tidy(0);
  EXPECT_TRUE(Exists(ours));
  EXPECT_FALSE(Exists(before));
}

TEST_F(DeadSegmentsOfReader, OfAnotherContainerGoOnceNobodyWritesThem) {
  const std::string path = Leave({.pid_namespace = 1});
  const int target = open(path.c_str(), O_RDWR | O_CLOEXEC);
  Tidy(0);
  EXPECT_TRUE(Exists(path));
  close(target);
  if (!SegmentFile::Open(path)->HasWriter().has_value()) GTEST_SKIP() << "no leases here";
  Tidy(0);
  EXPECT_FALSE(Exists(path));
}

TEST_F(DeadSegmentsOfReader, AreNotThoseOfAnotherUser) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can own a file of somebody else";
  const std::string path = Leave({.found_dead_unix_ns = HoursAgo(25)});
  ASSERT_EQ(chown(path.c_str(), 12345, 12345), 0);
  Tidy(0);
  EXPECT_TRUE(Exists(path));
}

}  // namespace
}  // namespace limpet
