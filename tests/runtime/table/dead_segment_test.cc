// What dead processes leave in the runtime directory, and how it is bounded.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "runtime/layout/dead_segments.h"
#include "runtime/layout/segment.h"
#include "runtime/sys/clock.h"
#include "runtime/sys/process_identity.h"
#include "runtime/table/segment_file.h"
#include "tests/runtime/sys/child_process.h"
#include "tests/support/temporary_directory.h"

namespace limpet {
namespace {

constexpr long kNoPid = 9'000'000;  // beyond the kernel's largest pid: never alive
constexpr int kManyStarts = 20;     // each may remove only a few

struct Remains {
  long pid = kNoPid;
  int number = 0;  // of the name, and the age: the lower, the older
  std::uint64_t magic = kSegmentMagic;
  std::uint64_t pid_namespace = sys::PidNamespace();
  SegmentState state = SegmentState::kLive;
  std::uint64_t bytes = sizeof(SegmentHeader);
  std::uint64_t sites = 2;  // the one that a new segment has, and one of a sample
  std::uint64_t threads = 0;
  bool has_last_profile = false;
  std::uint64_t found_dead_unix_ns = 0;
};

std::uint64_t HoursAgo(std::uint64_t hours) {
  return sys::ReadClockNs(CLOCK_REALTIME) - hours * 3600 * 1'000'000'000;
}

std::string Leave(const TemporaryDirectory& home, const Remains& remains) {
  const std::string path = home.File(std::to_string(remains.pid + remains.number) + "-1.segment");
  std::vector<char> header(sizeof(SegmentHeader));
  memcpy(header.data() + offsetof(SegmentHeader, magic), &remains.magic, 8);
  memcpy(header.data() + offsetof(SegmentHeader, state), &remains.state, 4);
  memcpy(header.data() + offsetof(SegmentHeader, pid_namespace), &remains.pid_namespace, 8);
  std::uint32_t has_last_profile = remains.has_last_profile ? 1 : 0;
  memcpy(
      header.data() + offsetof(SegmentHeader, watch_state) + offsetof(WatchState, has_last_profile),
      &has_last_profile, 4);
  memcpy(header.data() + offsetof(SegmentHeader, found_dead_unix_ns), &remains.found_dead_unix_ns,
         8);
  const auto put_section = [&header](std::size_t index, SectionKind kind, std::uint64_t used) {
    char* const entry =
        header.data() + offsetof(SegmentHeader, sections) + index * sizeof(SectionEntry);
    memcpy(entry + offsetof(SectionEntry, kind), &kind, sizeof(kind));
    memcpy(entry + offsetof(SectionEntry, used), &used, sizeof(used));
  };
  put_section(0, SectionKind::kSites, remains.sites);
  put_section(1, SectionKind::kThreads, remains.threads);
  int file = open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  EXPECT_EQ(pwrite(file, header.data(), header.size(), 0), static_cast<ssize_t>(header.size()));
  EXPECT_EQ(posix_fallocate(file, 0, static_cast<off_t>(remains.bytes)), 0);
  const timespec time = {1'000'000 + remains.number, 0};
  const timespec times[] = {time, time};
  EXPECT_EQ(futimens(file, times), 0);
  close(file);
  return path;
}

// As if so many processes had started after each other; the last one's segment stays.
void StartProcesses(const TemporaryDirectory& home, int count,
                    std::uint64_t max_dead = kDefaultMaxDeadSegments) {
  for (int i = 0; i < count; ++i) {
    SegmentFile file;
    EXPECT_TRUE(CreateSegmentFile(home.path().c_str(), 77, {1 << 20, max_dead}, &file));
    CloseSegmentFile(&file);
  }
}

std::uint64_t FoundDead(const std::string& path) {
  std::uint64_t found_dead_unix_ns = 0;
  int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(pread(file, &found_dead_unix_ns, 8, offsetof(SegmentHeader, found_dead_unix_ns)), 8);
  close(file);
  return found_dead_unix_ns;
}

int Remaining(const std::vector<std::string>& paths) {
  int count = 0;
  for (const std::string& path : paths) count += std::filesystem::exists(path) ? 1 : 0;
  return count;
}

std::vector<std::string> LeaveMany(const TemporaryDirectory& home, int count, Remains remains) {
  std::vector<std::string> paths;
  for (int i = 0; i < count; ++i) {
    paths.push_back(Leave(home, remains));
    ++remains.number;
  }
  return paths;
}

TEST(DeadSegments, StayAsEvidenceUpToSixteen) {
  TemporaryDirectory home;
  auto dead = LeaveMany(home, kDefaultMaxDeadSegments, {});
  StartProcesses(home, kManyStarts);
  EXPECT_EQ(Remaining(dead), 16);
}

// Its process had given up the right to remove it.
TEST(DeadSegments, OfProcessesThatEndedByThemselvesGoFirst) {
  TemporaryDirectory home;
  auto evidence = LeaveMany(home, 5, {});
  auto exited = LeaveMany(home, 20, {.number = 5, .state = SegmentState::kExited});
  StartProcesses(home, kManyStarts);
  EXPECT_EQ(Remaining(evidence), 5);
  EXPECT_EQ(Remaining(exited), 0);
}

// Made because the process was about to give up its rights, which it then did and ended.
TEST(DeadSegments, WithoutASampleGoFirst) {
  TemporaryDirectory home;
  auto evidence = LeaveMany(home, 5, {});
  auto empty = LeaveMany(home, 20, {.number = 5, .sites = 1});
  StartProcesses(home, kManyStarts);
  EXPECT_EQ(Remaining(evidence), 5);
  EXPECT_EQ(Remaining(empty), 0);
}

// A deadlock of a program that allocates little.
TEST(DeadSegments, ThreadsAreEvidenceWithoutASample) {
  TemporaryDirectory home;
  const std::string with_threads = Leave(home, {.number = 1, .sites = 1, .threads = 2});
  const std::string of_main_alone = Leave(home, {.number = 2, .sites = 1, .threads = 1});
  StartProcesses(home, 1);
  EXPECT_TRUE(std::filesystem::exists(with_threads));
  EXPECT_FALSE(std::filesystem::exists(of_main_alone));
}

TEST(DeadSegments, AreAsManyAsTheUserKeeps) {
  TemporaryDirectory home;
  auto dead = LeaveMany(home, 10, {});
  StartProcesses(home, kManyStarts, 3);
  EXPECT_EQ(Remaining(dead), 3);
  StartProcesses(home, kManyStarts, 0);
  EXPECT_EQ(Remaining(dead), 0);
}

TEST(DeadSegments, AreBroughtDownToSixteen) {
  TemporaryDirectory home;
  auto dead = LeaveMany(home, 40, {});
  StartProcesses(home, kManyStarts);
  EXPECT_EQ(Remaining(dead), 16);
  EXPECT_TRUE(std::filesystem::exists(SegmentPathOf(home.path().c_str(), 77).c_str()));
}

TEST(DeadSegments, NeverBecomeMoreByAStart) {
  TemporaryDirectory home;
  auto dead = LeaveMany(home, 17, {});
  StartProcesses(home, 1);
  EXPECT_EQ(Remaining(dead), 16);
}

TEST(DeadSegments, GoOldestFirst) {
  TemporaryDirectory home;
  auto dead = LeaveMany(home, 18, {});
  StartProcesses(home, 1);
  EXPECT_FALSE(std::filesystem::exists(dead[0]));
  EXPECT_FALSE(std::filesystem::exists(dead[1]));
  EXPECT_TRUE(std::filesystem::exists(dead[2]));
}

TEST(DeadSegments, GoFirstWhereTheirLastProfileIsWritten) {
  TemporaryDirectory home;
  auto evidence = LeaveMany(home, 2, {});
  auto written = LeaveMany(home, 2, {.number = 2, .has_last_profile = true});
  StartProcesses(home, 1, 2);
  EXPECT_EQ(Remaining(written), 0);
  EXPECT_EQ(Remaining(evidence), 2);
}

TEST(DeadSegments, GoInTheOrderInWhichTheyWereFound) {
  TemporaryDirectory home;
  auto later = Leave(home, {.number = 0, .found_dead_unix_ns = HoursAgo(1)});
  auto earlier = Leave(home, {.number = 1, .found_dead_unix_ns = HoursAgo(2)});
  StartProcesses(home, 1, 1);
  EXPECT_TRUE(std::filesystem::exists(later));
  EXPECT_FALSE(std::filesystem::exists(earlier));
}

TEST(DeadSegments, GoADayAfterTheyWereFound) {
  TemporaryDirectory home;
  auto old = LeaveMany(home, 3, {.found_dead_unix_ns = HoursAgo(25)});
  auto young = LeaveMany(home, 3, {.number = 3, .found_dead_unix_ns = HoursAgo(23)});
  StartProcesses(home, 1);
  EXPECT_EQ(Remaining(old), 0);
  EXPECT_EQ(Remaining(young), 3);
}

// A service that was started weeks ago and has just been killed: its file is weeks old.
TEST(DeadSegments, OfLongLivesStayADay) {
  TemporaryDirectory home;
  const std::string path = Leave(home, {});
  const auto modified = std::filesystem::last_write_time(path);
  const std::uint64_t before_ns = HoursAgo(0);
  StartProcesses(home, kManyStarts);
  ASSERT_TRUE(std::filesystem::exists(path));
  EXPECT_GE(FoundDead(path), before_ns);
  EXPECT_LE(FoundDead(path), HoursAgo(0));
  EXPECT_EQ(std::filesystem::last_write_time(path), modified) << "it tells when the process lived";
}

TEST(DeadSegments, StayWhileTheyAreRead) {
  TemporaryDirectory home;
  auto dead = LeaveMany(home, 3, {.found_dead_unix_ns = HoursAgo(25)});
  int reader = open(dead[0].c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(flock(reader, LOCK_SH), 0);
  StartProcesses(home, 2, 0);
  EXPECT_EQ(Remaining(dead), 1);
  EXPECT_TRUE(std::filesystem::exists(dead[0]));
  close(reader);
  StartProcesses(home, 1, 0);
  EXPECT_EQ(Remaining(dead), 0);
}

// A write beyond RLIMIT_FSIZE ends the program by SIGXFSZ, also one inside the file.
TEST(DeadSegments, AreLeftAloneWhereNoFileMayBeWritten) {
  TemporaryDirectory home;
  const std::string path = Leave(home, {});
  test::ExpectInChild([&] {
    const rlimit none = {0, 0};
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
    SegmentFile file;
    EXPECT_FALSE(CreateSegmentFile(home.path().c_str(), 77, {1 << 20, 16}, &file));
  });
  EXPECT_EQ(FoundDead(path), 0u);
}

TEST(DeadSegments, AreBoundInBytes) {
  constexpr std::uint64_t kHalf = kMaxDeadBytes / 2;
  TemporaryDirectory home;
  std::vector<std::string> dead;
  for (int i = 0; i < 3; ++i) dead.push_back(Leave(home, {.number = i, .bytes = kHalf - 65536}));
  StartProcesses(home, kManyStarts);
  EXPECT_FALSE(std::filesystem::exists(dead[0]));
  EXPECT_EQ(Remaining(dead), 2);
}

TEST(DeadSegments, AreNotThoseOfLiveProcesses) {
  TemporaryDirectory home;
  std::vector<std::string> live;
  for (long pid : {static_cast<long>(getpid()), static_cast<long>(getppid()), 1L}) {
    live.push_back(Leave(home, {.pid = pid}));
  }
  auto dead = LeaveMany(home, 40, {.number = 1});
  StartProcesses(home, kManyStarts);
  EXPECT_EQ(Remaining(live), 3);
  EXPECT_EQ(Remaining(dead), 16);
}

TEST(DeadSegments, AreNotThoseOfAnotherPidNamespace) {
  TemporaryDirectory home;
  auto foreign = LeaveMany(home, 40, {.pid_namespace = sys::PidNamespace() + 1});
  StartProcesses(home, kManyStarts);
  EXPECT_EQ(Remaining(foreign), 40);
}

TEST(DeadSegments, AreNotFilesThatAreNoSegments) {
  TemporaryDirectory home;
  auto other = LeaveMany(home, 40, {.magic = 1});
  StartProcesses(home, kManyStarts);
  EXPECT_EQ(Remaining(other), 40);
}

// A container that shares the directory would otherwise switch the bound off for everybody.
TEST(DeadSegments, AreBoundAlsoBehindAnOlderOneOfAnotherPidNamespace) {
  TemporaryDirectory home;
  Leave(home, {.number = 0, .pid_namespace = sys::PidNamespace() + 1});
  auto dead = LeaveMany(home, 40, {.number = 1});
  StartProcesses(home, kManyStarts);
  EXPECT_LE(Remaining(dead), 16);
}

TEST(DeadSegments, AreBoundAlsoBehindAnOlderFileThatIsNoSegment) {
  TemporaryDirectory home;
  Leave(home, {.number = 0, .magic = 1});
  auto dead = LeaveMany(home, 40, {.number = 1});
  StartProcesses(home, kManyStarts);
  EXPECT_LE(Remaining(dead), 16);
}

TEST(DeadSegments, AreNotLinks) {
  TemporaryDirectory home;
  TemporaryDirectory elsewhere;
  const std::string target = Leave(elsewhere, {});
  for (int i = 0; i < 40; ++i) {
    std::filesystem::create_symlink(target, home.File(std::to_string(kNoPid + i) + "-1.segment"));
  }
  StartProcesses(home, kManyStarts);
  EXPECT_TRUE(std::filesystem::exists(target));
}

// Their parent has tidied, and one of them tidies for many.
TEST(DeadSegments, AreLeftToOthersByForkedChildren) {
  TemporaryDirectory home;
  StartProcesses(home, 1);
  std::vector<std::string> paths;
  for (int i = 0; i < 20; ++i) paths.push_back(Leave(home, {.number = i}));
  SegmentFile file;
  SegmentFileLimits limits = {1 << 20, 16, 8, true};
  EXPECT_TRUE(CreateSegmentFile(home.path().c_str(), 78, limits, &file));
  CloseSegmentFile(&file);
  EXPECT_EQ(Remaining(paths), 20);
  limits.trusts_parent = false;
  EXPECT_TRUE(CreateSegmentFile(home.path().c_str(), 79, limits, &file));
  CloseSegmentFile(&file);
  EXPECT_EQ(Remaining(paths), 16);
}

// One that has become another user, or has another root, has another directory.
TEST(DeadSegments, OfADirectoryThatTheParentHasNotReadAreNotLeft) {
  TemporaryDirectory parents, childs;
  StartProcesses(parents, 1);
  std::vector<std::string> paths;
  for (int i = 0; i < 20; ++i) paths.push_back(Leave(childs, {.number = i}));
  SegmentFile file;
  EXPECT_TRUE(CreateSegmentFile(childs.path().c_str(), 78, {1 << 20, 16, 8, true}, &file));
  CloseSegmentFile(&file);
  EXPECT_EQ(Remaining(paths), 16);
}

}  // namespace
}  // namespace limpet
