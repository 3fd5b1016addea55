// What dead processes leave in the runtime directory, and how it is bounded.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "runtime/layout/segment.h"
#include "runtime/sys/process_identity.h"
#include "runtime/table/segment_file.h"
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
};

std::string Leave(const TemporaryDirectory& home, const Remains& remains) {
  const std::string path = home.File(std::to_string(remains.pid + remains.number) + "-1.segment");
  std::vector<char> header(sizeof(SegmentHeader));
  memcpy(header.data() + offsetof(SegmentHeader, magic), &remains.magic, 8);
  memcpy(header.data() + offsetof(SegmentHeader, state), &remains.state, 4);
  memcpy(header.data() + offsetof(SegmentHeader, pid_namespace), &remains.pid_namespace, 8);
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
void StartProcesses(const TemporaryDirectory& home, int count) {
  for (int i = 0; i < count; ++i) {
    SegmentFile file;
    EXPECT_TRUE(CreateSegmentFile(home.path().c_str(), 77, 1 << 20, &file));
    CloseSegmentFile(&file);
  }
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
  auto dead = LeaveMany(home, kMaxDeadSegments, {});
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

}  // namespace
}  // namespace limpet
