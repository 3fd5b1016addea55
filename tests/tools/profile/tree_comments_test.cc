#include "tools/profile/tree_comments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/layout/allocation_slot.h"

namespace limpet {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

SampledTotal Total(std::uint64_t objects, std::uint64_t bytes) {
  return {.samples = objects, .weight = objects * kWeightOne, .bytes = bytes};
}

ProcessPart Exact(std::uint32_t pid, std::uint64_t bytes) {
  return {.pid = pid,
          .program = "app",
          .interval_bytes = 1,
          .total = {.allocated = Total(9, bytes * 2), .in_use = Total(3, bytes)},
          .coverage = Coverage{static_cast<std::int64_t>(bytes), 4096, 8192}};
}

ProcessTreeParts Tree(std::vector<ProcessPart> parts) {
  return {.profile = "heap", .root_pid = 100, .root_program = "app", .parts = std::move(parts)};
}

TEST(TreeComments, SpeaksOfTheWholeAndOfEachProcess) {
  EXPECT_THAT(
      TreeComments(Tree({Exact(100, 100), Exact(101, 200)})),
      ElementsAre("limpet: heap of app (pid 100) and its descendants: 2 processes",
                  "each one recorded; values are exact", "in use: 300 B, 6 objects; exact",
                  "allocated: 600 B, 18 objects; exact",
                  AllOf(StartsWith("coverage: 300 B in use as sampled, of 8.0 KiB"),
                        HasSubstr("of 16.0 KiB RSS; pages that processes share count in each")),
                  "pid 101 (app): in use 200 B; allocated 400 B; 4.0 KiB resident anonymous",
                  "pid 100 (app): in use 100 B; allocated 200 B; 4.0 KiB resident anonymous"));
}

TEST(TreeComments, AddsUpLossesAndSaysWhoseTheyAre) {
  ProcessTreeParts tree = Tree({Exact(100, 1), Exact(101, 2), Exact(102, 3)});
  tree.parts[0].losses = {{"truncated_stacks", "stacks cut", 2}};
  tree.parts[2].losses = {{"truncated_stacks", "stacks cut", 5}, {"torn_slots", "blocks", 1}};
  const std::vector<std::string> comments = TreeComments(tree);
  EXPECT_EQ(comments[1], "each one recorded; values are exact but for the losses below");
  EXPECT_THAT(comments, Contains("loss: truncated_stacks 7: stacks cut"));
  EXPECT_THAT(comments, Contains("loss: torn_slots 1: blocks"));
  EXPECT_THAT(comments, Contains(HasSubstr("(app): in use 3 B; allocated 6 B; 4.0 KiB resident "
                                           "anonymous; loss: truncated_stacks 5, torn_slots 1")));
}

TEST(TreeComments, CountsThreadsAndWhatIsMissingOfThem) {
  ProcessTreeParts tree = Tree({{.pid = 100, .program = "app", .threads = 3, .running = 1},
                                {.pid = 101, .program = "app", .threads = 5, .running = 2}});
  tree.profile = "goroutine";
  tree.parts[0].coverage = Coverage{};
  tree.parts[0].losses = {{"truncated_stacks", "stacks cut", 2}};
  tree.parts[1].losses = {{"truncated_stacks", "stacks cut", 5}};
  EXPECT_THAT(
      TreeComments(tree),
      ElementsAre("limpet: goroutine of app (pid 100) and its descendants: 2 processes",
                  "8 threads: 3 running, 5 waiting", StartsWith("not alive here: "),
                  "loss: truncated_stacks 7: stacks cut",
                  "pid 101 (app): 5 threads: 2 running, 3 waiting; dead; loss: truncated_stacks 5",
                  "pid 100 (app): 3 threads: 1 running, 2 waiting; loss: truncated_stacks 2"));
  for (std::uint32_t pid = 200; pid < 300; ++pid) {
    tree.parts.push_back({.pid = pid, .threads = 1, .coverage = Coverage{}});
  }
  EXPECT_EQ(TreeComments(tree).back(), "82 processes more: 82 threads: 0 running, 82 waiting");
}

TEST(TreeComments, NamesTheDead) {
  ProcessTreeParts tree = Tree({Exact(100, 1), Exact(101, 2)});
  tree.parts[1].coverage.reset();
  const std::vector<std::string> comments = TreeComments(tree);
  EXPECT_EQ(comments[5], "pid 101 (app): in use 2 B; allocated 4 B; dead");
  EXPECT_THAT(comments[4],
              AllOf(StartsWith("coverage: 1 B in use"), HasSubstr("; without 1 process that died"),
                    Not(HasSubstr("share"))));
  tree.parts[0].coverage.reset();
  EXPECT_EQ(TreeComments(tree)[4], "coverage: unknown, the processes are dead");
}

TEST(TreeComments, SaysWhereProcessesAreSampledDifferently) {
  ProcessTreeParts tree = Tree({Exact(100, 1), Exact(101, 1 << 20), {.pid = 102}});
  tree.parts[1].interval_bytes = 1024;
  const std::vector<std::string> comments = TreeComments(tree);
  EXPECT_THAT(comments[1], StartsWith("one sample per 1 to 1024 bytes, by process; "));
  EXPECT_THAT(comments[2], HasSubstr("95 %")) << "no sum of estimates is exact";
  EXPECT_THAT(comments, Contains(AllOf(StartsWith("pid 101"), HasSubstr("per 1024 bytes"))));
  EXPECT_THAT(comments, Contains(AllOf(StartsWith("pid 100"), HasSubstr("per 1 bytes"))));
  EXPECT_THAT(comments, Contains("pid 102: nothing sampled yet; dead"));
}

TEST(TreeComments, SaysThatNothingIsSampledAnywhere) {
  const std::vector<std::string> comments = TreeComments(Tree({{.pid = 100}, {.pid = 101}}));
  EXPECT_EQ(comments[1], "nothing sampled yet");
  EXPECT_THAT(comments, SizeIs(5));
}

TEST(TreeComments, StaysShortWhereProcessesAreMany) {
  std::vector<ProcessPart> parts;
  for (std::uint32_t pid = 1; pid <= 500; ++pid) parts.push_back(Exact(pid, 2 + pid / 500));
  ProcessTreeParts tree = Tree(std::move(parts));
  for (std::uint32_t pid = 1000; pid < 1500; ++pid) {
    tree.left_out.push_back({pid, "sh", "not traced"});
    tree.left_out.push_back({pid, "x", "its own reason " + std::to_string(pid)});
  }
  const std::vector<std::string> comments = TreeComments(tree);
  EXPECT_LT(comments.size(), 40U);
  for (const std::string& comment : comments) EXPECT_LT(comment.size(), 500U) << comment;
  EXPECT_THAT(comments[5], StartsWith("pid 500 (app): in use 3 B")) << "the largest first";
  EXPECT_THAT(comments, Contains("480 processes more: in use 960 B; allocated 1.9 KiB"));
}

TEST(LeftOutLines, GroupsByReasonAndLosesNobody) {
  EXPECT_THAT(LeftOutLines({}), IsEmpty());
  std::vector<LeftOutProcess> left_out = {{7, "", "ended"}, {5, "sh", "not traced"}};
  EXPECT_THAT(LeftOutLines(left_out),
              ElementsAre("left out (ended): 7", "left out (not traced): 5 (sh)"));
  for (std::uint32_t pid = 100; pid < 120; ++pid) left_out.push_back({pid, "", "ended"});
  EXPECT_THAT(LeftOutLines(left_out)[0], HasSubstr(", 110 and 9 more"));
  for (std::uint32_t pid = 0; pid < 10; ++pid) left_out.push_back({pid, "", std::to_string(pid)});
  EXPECT_THAT(LeftOutLines(left_out), SizeIs(9));
  EXPECT_EQ(LeftOutLines(left_out).back(), "left out besides: 4");
}

}  // namespace
}  // namespace limpet
