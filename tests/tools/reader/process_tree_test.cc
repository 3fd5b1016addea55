#include "tools/reader/process_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/segment_builder.h"
#include "tests/support/temporary_directory.h"

namespace limpet {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Entry {
  std::uint32_t pid = 0;
  std::uint32_t parent = 0;
  std::uint64_t start = 0;
  char state = 'S';
  std::uint32_t own_pid = 0;        // 0: the same as pid
  std::uint64_t pid_namespace = 1;  // 0: not to be seen
};

struct Segment {
  std::uint32_t pid = 0;
  std::uint32_t parent = 0;
  std::uint64_t start = 0;
  SegmentState state = SegmentState::kLive;
  std::uint64_t pid_namespace = 1;
};

// A made-up /proc and a made-up runtime directory.
class ProcessTree : public ::testing::Test {
 protected:
  void Add(const Entry& process) {
    const std::string folder = proc_.File(std::to_string(process.pid));
    const std::uint32_t own_pid = process.own_pid == 0 ? process.pid : process.own_pid;
    std::filesystem::create_directories(folder + "/ns");
    std::ofstream(folder + "/stat")
        << process.pid << " (a) S 9) " << process.state << ' ' << process.parent
        << " 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 " << process.start << " 0 0";
    std::ofstream(folder + "/status")
        << "Uid:\t0\t0\t0\t0\nNSpid:\t" << process.pid << '\t' << own_pid << '\n';
    if (process.pid_namespace == 0) return;
    std::filesystem::create_symlink("pid:[" + std::to_string(process.pid_namespace) + "]",
                                    folder + "/ns/pid");
  }

  void Add(const Segment& segment, const std::string& name = "") {
    SegmentBuilder builder;
    builder.ChangeHeader([&segment](SegmentHeader& header) {
      header.pid = segment.pid;
      header.parent_pid = segment.parent;
      header.start_ticks = segment.start;
      header.state = segment.state;
      header.pid_namespace = segment.pid_namespace;
    });
    builder.WriteTo(name.empty() ? PathOf(segment) : segments_.File(name));
  }

  std::string PathOf(const Segment& segment) const {
    return segments_.File(std::to_string(segment.pid) + "-" + std::to_string(segment.start) +
                          ".segment");
  }

  std::vector<TreeProcess> Find(std::uint32_t root) const {
    return FindProcessTree(root, segments_.path(), proc_.path());
  }

  std::vector<std::uint32_t> Pids(std::uint32_t root) const {
    std::vector<std::uint32_t> pids;
    for (const TreeProcess& process : Find(root)) pids.push_back(process.pid);
    return pids;
  }

  TemporaryDirectory proc_;
  TemporaryDirectory segments_;
};

TEST_F(ProcessTree, FollowsTheParentsInProc) {
  Add(Entry{.pid = 1, .start = 1});
  Add(Entry{.pid = 10, .parent = 1, .start = 100});
  Add(Entry{.pid = 30, .parent = 10, .start = 120});
  Add(Entry{.pid = 20, .parent = 10, .start = 130});
  Add(Entry{.pid = 40, .parent = 20, .start = 140});
  Add(Entry{.pid = 50, .parent = 1, .start = 150});
  EXPECT_THAT(Pids(10), ElementsAre(10, 30, 20, 40));
  EXPECT_THAT(Pids(20), ElementsAre(20, 40));
  EXPECT_THAT(Pids(50), ElementsAre(50));
  EXPECT_THAT(Pids(1), ElementsAre(1, 10, 30, 20, 40, 50));
}

TEST_F(ProcessTree, SaysWhereTheSegmentsAre) {
  const Segment segment{.pid = 20, .parent = 10, .start = 130};
  Add(Entry{.pid = 10, .parent = 1, .start = 100});
  Add(Entry{.pid = 20, .parent = 10, .start = 130});
  Add(segment);
  const std::vector<TreeProcess> tree = Find(10);
  ASSERT_EQ(tree.size(), 2U);
  EXPECT_TRUE(tree[0].is_alive);
  EXPECT_THAT(tree[0].segment, IsEmpty());
  EXPECT_TRUE(tree[1].is_alive);
  EXPECT_EQ(tree[1].start_ticks, 130U);
  EXPECT_EQ(tree[1].segment, PathOf(segment));
}

TEST_F(ProcessTree, HasTheDeadByWhatTheirSegmentsState) {
  Add(Entry{.pid = 10, .parent = 1, .start = 100});
  Add(Segment{.pid = 20, .parent = 10, .start = 110});
  Add(Segment{.pid = 30, .parent = 20, .start = 120});
  Add(Segment{.pid = 40, .parent = 7, .start = 120});
  const std::vector<TreeProcess> tree = Find(10);
  ASSERT_EQ(tree.size(), 3U);
  EXPECT_EQ(tree[1].pid, 20U);
  EXPECT_FALSE(tree[1].is_alive);
  EXPECT_EQ(tree[2].pid, 30U);
}

TEST_F(ProcessTree, HasOrphansByWhatTheirSegmentsState) {
  Add(Entry{.pid = 1, .start = 1});
  Add(Entry{.pid = 10, .parent = 1, .start = 100});
  Add(Segment{.pid = 20, .parent = 10, .start = 110});
  Add(Entry{.pid = 30, .parent = 1, .start = 120});  // a daemon, whose parent 20 is dead
  Add(Segment{.pid = 30, .parent = 20, .start = 120});
  Add(Entry{.pid = 40, .parent = 30, .start = 130});
  EXPECT_THAT(Pids(10), ElementsAre(10, 20, 30, 40));
}

TEST_F(ProcessTree, BeginsAtADeadRoot) {
  Add(Segment{.pid = 10, .parent = 1, .start = 100});
  Add(Entry{.pid = 20, .parent = 1, .start = 110});
  Add(Segment{.pid = 20, .parent = 10, .start = 110});
  const std::vector<TreeProcess> tree = Find(10);
  ASSERT_EQ(tree.size(), 2U);
  EXPECT_FALSE(tree[0].is_alive);
  EXPECT_EQ(tree[0].start_ticks, 100U);
  EXPECT_EQ(tree[1].pid, 20U);
}

TEST_F(ProcessTree, BeginsAtARootOfWhichOnlyItsChildrenKnow) {
  Add(Entry{.pid = 20, .parent = 1, .start = 110});
  Add(Segment{.pid = 20, .parent = 10, .start = 110});
  const std::vector<TreeProcess> tree = Find(10);
  ASSERT_EQ(tree.size(), 2U);
  EXPECT_EQ(tree[0].pid, 10U);
  EXPECT_EQ(tree[0].start_ticks, 0U);
  EXPECT_THAT(Pids(77), ElementsAre(77));
}

TEST_F(ProcessTree, DoesNotTakeALaterProcessOfThatPidForTheParent) {
  Add(Entry{.pid = 10, .parent = 1, .start = 200});  // took the PID of the real parent
  Add(Segment{.pid = 20, .parent = 10, .start = 110});
  EXPECT_THAT(Pids(10), ElementsAre(10));
}

TEST_F(ProcessTree, TakesTheNewestProcessOfThatPidThatCanBeTheParent) {
  Add(Segment{.pid = 5, .parent = 1, .start = 50});
  Add(Segment{.pid = 10, .parent = 5, .start = 100});
  Add(Segment{.pid = 10, .parent = 1, .start = 200});
  Add(Segment{.pid = 20, .parent = 10, .start = 110});
  Add(Segment{.pid = 30, .parent = 10, .start = 210});
  EXPECT_THAT(Pids(10), ElementsAre(10, 30));
  EXPECT_THAT(Pids(5), ElementsAre(5, 10, 20));
}

TEST_F(ProcessTree, LeavesOutWhatEndedByItselfButNotItsChildren) {
  Add(Entry{.pid = 10, .parent = 1, .start = 100});
  Add(Segment{.pid = 20, .parent = 10, .start = 110, .state = SegmentState::kExited});
  Add(Segment{.pid = 30, .parent = 20, .start = 120});
  Add(Entry{.pid = 40, .parent = 10, .start = 130, .state = 'Z'});
  EXPECT_THAT(Pids(10), ElementsAre(10, 30));
}

TEST_F(ProcessTree, KnowsAKilledChildThatNobodyWaitedFor) {
  Add(Entry{.pid = 10, .parent = 1, .start = 100});
  Add(Entry{.pid = 20, .parent = 10, .start = 110, .state = 'Z'});
  Add(Segment{.pid = 20, .parent = 10, .start = 110});
  const std::vector<TreeProcess> tree = Find(10);
  ASSERT_EQ(tree.size(), 2U);
  EXPECT_FALSE(tree[1].is_alive);
}

TEST_F(ProcessTree, ReadsPidsInTheirNamespaces) {
  Add(Entry{.pid = 500, .parent = 1, .start = 100, .own_pid = 1, .pid_namespace = 2});
  Add(Entry{.pid = 501, .parent = 500, .start = 110, .own_pid = 7, .pid_namespace = 2});
  Add(Segment{.pid = 7, .parent = 1, .start = 110, .pid_namespace = 2});
  Add(Segment{.pid = 8, .parent = 7, .start = 120, .pid_namespace = 2});
  Add(Segment{.pid = 9, .parent = 7, .start = 120, .pid_namespace = 3});
  EXPECT_THAT(Pids(500), ElementsAre(500, 501, 8));
  EXPECT_THAT(Pids(1), ElementsAre(1)) << "that of no container, which is not there";
}

TEST_F(ProcessTree, ComesToAnEndWhateverHeadersState) {
  Add(Segment{.pid = 10, .parent = 20, .start = 100});
  Add(Segment{.pid = 20, .parent = 10, .start = 100});
  Add(Segment{.pid = 30, .parent = 30, .start = 100});
  Add(Segment{.pid = 66, .parent = 10, .start = 110}, "67-110.segment");
  std::ofstream(segments_.File("40-100.segment")) << std::string(9000, 'x');
  EXPECT_THAT(Pids(10), ElementsAre(10, 20));
  EXPECT_THAT(Pids(30), ElementsAre(30));
}

}  // namespace
}  // namespace limpet
