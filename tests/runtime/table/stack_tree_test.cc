#include "runtime/table/stack_tree.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/runtime/table/stack_of.h"

namespace limpet {
namespace {

using test::Forest;
using test::Frames;
using test::kMiB;
using test::WalkOf;

TEST(StackTree, GivesEqualStacksOneId) {
  Forest forest(4 * kMiB);
  const StackId first = forest.Intern({1, 2, 3});
  EXPECT_EQ(forest.Intern({1, 2, 3}), first);
  EXPECT_EQ(forest.PathOf(first), Frames({1, 2, 3}));
}

TEST(StackTree, StoresEqualOuterFramesOnce) {
  Forest forest(4 * kMiB);
  forest.Intern({1, 2, 3});
  const std::uint64_t nodes = forest.Nodes();
  EXPECT_EQ(nodes, kRootNodes + 3u);
  forest.Intern({1, 2, 4});
  EXPECT_EQ(forest.Nodes(), nodes + 1);
}

TEST(StackTree, TellsEqualFramesOfDifferentParentsApart) {
  Forest forest(4 * kMiB);
  const StackId one = forest.Intern({1, 9});
  const StackId two = forest.Intern({2, 9});
  EXPECT_NE(one, two);
  EXPECT_EQ(forest.PathOf(one), Frames({1, 9}));
  EXPECT_EQ(forest.PathOf(two), Frames({2, 9}));
}

// A function that is called from everywhere is one frame under many parents. A hash that takes
// little note of the parent puts all its nodes in a row, and once did so until nothing was found
// again.
TEST(StackTree, FindsOneFrameAgainUnderEachOfManyCallers) {
  constexpr std::uint64_t kCallers = 20'000;
  Forest forest(16 * kMiB);
  for (int round = 0; round < 2; ++round) {
    for (std::uint64_t caller = 1; caller <= kCallers; ++caller)
      forest.Intern({caller << 4, 0x777});
  }
  EXPECT_EQ(forest.Nodes(), kRootNodes + 2 * kCallers);
}

TEST(StackTree, TellsFramesApartByModuleAndExactness) {
  Forest forest(4 * kMiB);
  std::set<StackId> stacks = {forest.Intern({0x1000}), forest.Intern({0x1000 | kFrameIsExact}),
                              forest.Intern({0x1000 | std::uint64_t{1} << kFrameModuleShift}),
                              forest.Intern({0x1000 | std::uint64_t{0xffff} << kFrameModuleShift})};
  EXPECT_EQ(stacks.size(), 4u);
}

TEST(StackTree, RootsTruncatedStacksElsewhere) {
  Forest forest(4 * kMiB);
  const StackId whole = forest.Intern({1, 2});
  const StackId cut = forest.Intern({1, 2}, /*is_truncated=*/true);
  EXPECT_NE(whole, cut);
  EXPECT_EQ(forest.RootOf(whole), StackId::kComplete);
  EXPECT_EQ(forest.RootOf(cut), StackId::kTruncated);
}

TEST(StackTree, NamesTheEmptyStackByItsRoot) {
  Forest forest(4 * kMiB);
  EXPECT_EQ(forest.Intern({}), StackId::kComplete);
  EXPECT_EQ(forest.Intern({}, /*is_truncated=*/true), StackId::kTruncated);
  EXPECT_EQ(forest.Dropped(), 0u);
}

TEST(StackTree, TellsEachFrameItsNode) {
  Forest forest(4 * kMiB);
  RememberedWalk walk = WalkOf({1, 2, 3});
  const StackId leaf = forest.tree.Intern(&walk).id;
  EXPECT_EQ(walk.frames[2].node, leaf);
  EXPECT_EQ(walk.frames[1].node, forest.Intern({1, 2}));
  EXPECT_EQ(walk.frames[0].node, forest.Intern({1}));
}

TEST(StackTree, GoesOnFromReusedFrames) {
  Forest forest(4 * kMiB);
  RememberedWalk walk = WalkOf({1, 2, 3});
  forest.tree.Intern(&walk);
  const std::uint64_t nodes = forest.Nodes();
  walk.reused = 2;
  walk.frames[2] = WalkOf({1, 2, 7}).frames[2];
  EXPECT_EQ(forest.PathOf(forest.tree.Intern(&walk).id), Frames({1, 2, 7}));
  EXPECT_EQ(forest.Nodes(), nodes + 1);
}

TEST(StackTree, TakesTheNodesOfReusedFramesOnTrust) {
  Forest forest(4 * kMiB);
  RememberedWalk walk = WalkOf({1, 2, 3});
  const StackId leaf = forest.tree.Intern(&walk).id;
  walk.reused = 3;
  walk.frames[0].frame = 99;  // not looked at again
  EXPECT_EQ(forest.tree.Intern(&walk).id, leaf);
}

TEST(StackTree, KeepsTheDeepestStack) {
  Forest forest(4 * kMiB);
  Frames frames;
  for (std::uint64_t i = 0; i < kMaxStackFrames; ++i) frames.push_back(1000 + i % 3);
  EXPECT_EQ(forest.PathOf(forest.Intern(frames)), frames);
}

TEST(StackTree, FindsEveryStackWhileItsIndexGrows) {
  constexpr std::uint64_t kStacks = 200'000;
  Forest forest(32 * kMiB);
  std::vector<StackId> ids;
  for (std::uint64_t i = 0; i < kStacks; ++i) ids.push_back(forest.Intern({0x40'0000 + i * 16}));
  for (std::uint64_t i = 0; i < kStacks; ++i) {
    ASSERT_EQ(forest.Intern({0x40'0000 + i * 16}), ids[i]) << i;
    ASSERT_EQ(forest.PathOf(ids[i]), Frames({0x40'0000 + i * 16}));
  }
  EXPECT_EQ(forest.Nodes(), kStacks + kRootNodes);
  EXPECT_GE(forest.segment->counters().private_bytes.load(), kStacks * 4);
  EXPECT_EQ(forest.Dropped(), 0u);
}

// A wrapper around malloc that the whole program calls: one frame, many parents.
TEST(StackTree, FindsOneFrameUnderManyParents) {
  constexpr std::uint64_t kCallers = 100'000;
  Forest forest(32 * kMiB);
  std::vector<StackId> ids;
  for (std::uint64_t i = 0; i < kCallers; ++i) ids.push_back(forest.Intern({16 + i * 16, 7}));
  for (std::uint64_t i = 0; i < kCallers; ++i) {
    ASSERT_EQ(forest.Intern({16 + i * 16, 7}), ids[i]) << i;
    ASSERT_EQ(forest.PathOf(ids[i]), Frames({16 + i * 16, 7}));
  }
  EXPECT_EQ(forest.Nodes(), 2 * kCallers + kRootNodes);
}

TEST(StackTree, GivesTheUnknownStackAndCountsItWhenFull) {
  Forest forest(kMiB);
  const std::uint64_t room = test::Capacity(*forest.segment, SectionKind::kStackNodes);
  const StackId early = forest.Intern({1, 2, 3});
  for (std::uint64_t i = forest.Nodes(); i < room; ++i) {
    ASSERT_NE(forest.Intern({0x1000 + i}), StackId::kComplete);
  }
  RememberedWalk walk = WalkOf({1, 2, 99});
  EXPECT_EQ(forest.tree.Intern(&walk).id, StackId::kComplete);
  EXPECT_EQ(forest.Dropped(), 1u);
  EXPECT_EQ(walk.depth, 0u);  // its frames have no nodes
  EXPECT_EQ(walk.reused, 0u);
  EXPECT_EQ(forest.Intern({1, 2, 3}), early);
  EXPECT_EQ(forest.Dropped(), 1u);
}

TEST(StackTree, StartsAnewInAFreshSegment) {
  Forest forest(kMiB);
  forest.Intern({1, 2, 3});
  auto fresh = test::MakeSegment(kMiB);
  ASSERT_TRUE(forest.tree.Attach(fresh.get()));
  EXPECT_EQ(test::Used(*fresh, SectionKind::kStackNodes), kRootNodes);
  EXPECT_EQ(forest.Intern({4}), StackId{kRootNodes});
}

TEST(StackTree, MakesOneSiteAStack) {
  Forest forest(kMiB);
  SiteSlot* site = forest.Site({1, 2});
  ASSERT_NE(site, nullptr);
  EXPECT_EQ(forest.PathOf(site->stack), Frames({1, 2}));
  EXPECT_EQ(site->kind, SiteKind::kHeap);
  EXPECT_EQ(site->samples.load(), 0u);
  EXPECT_EQ(forest.Site({1, 2}), site);
  EXPECT_NE(forest.Site({1}), site);
}

// Once it has a site it is found by its path alone, and the nodes of outer frames are not looked
// for until they are needed.
TEST(StackTree, FindsAStackThatHasASiteByItsPath) {
  Forest forest(kMiB);
  SiteSlot* site = forest.Site({1, 2, 3});
  const std::uint64_t nodes = forest.Nodes();
  RememberedWalk walk = WalkOf({1, 2, 3});
  EXPECT_EQ(forest.tree.Intern(&walk).id, site->stack);
  EXPECT_EQ(walk.frames[1].node, WalkedFrame::kNoNode);

  walk.reused = 2;
  walk.frames[2] = WalkOf({1, 2, 4}).frames[2];
  EXPECT_EQ(forest.PathOf(forest.tree.Intern(&walk).id), Frames({1, 2, 4}));
  EXPECT_EQ(forest.Nodes(), nodes + 1);
}

// The hash of {1, 2}, half of which is in the index, with another path's other half.
TEST(StackTree, ComparesTheWholeHash) {
  Forest forest(kMiB);
  SiteSlot* site = forest.Site({1, 2});
  RememberedWalk walk = WalkOf({7, 8});
  walk.frames[1].path_hash = WalkOf({1, 2}).frames[1].path_hash ^ 1;
  EXPECT_NE(forest.tree.Intern(&walk).id, site->stack);
}

TEST(StackTree, MakesASiteOfTheUnknownStackToo) {
  Forest forest(kMiB);
  SiteSlot* site = forest.Site({});
  ASSERT_NE(site, nullptr);
  EXPECT_EQ(site->stack, StackId::kComplete);
  EXPECT_EQ(forest.Site({}), site);
  RememberedWalk cut = WalkOf({}, /*is_truncated=*/true);
  EXPECT_NE(forest.tree.SiteOf(forest.tree.Intern(&cut), SiteKind::kHeap), site);
}

// Blocks and mappings of one stack: bytes of one must not be shown as the other's.
TEST(StackTree, KeepsHeapAndMappingsOfOneStackApart) {
  Forest forest(kMiB);
  for (const Frames& frames : {Frames({}), Frames({1, 2})}) {
    SiteSlot* heap = forest.Site(frames);
    SiteSlot* mappings = forest.Site(frames, SiteKind::kMapping);
    ASSERT_NE(mappings, nullptr);
    EXPECT_NE(mappings, heap);
    EXPECT_EQ(mappings->kind, SiteKind::kMapping);
    EXPECT_EQ(forest.Site(frames), heap);
  }
}

TEST(StackTree, CountsStacksWithoutASite) {
  Forest forest(kMiB);
  const std::uint64_t room = test::Capacity(*forest.segment, SectionKind::kSites);
  for (std::uint64_t i = 1; i < room; ++i) ASSERT_NE(forest.Site({0x1000 + i}), nullptr);
  EXPECT_EQ(forest.Site({7}), nullptr);
  EXPECT_EQ(forest.Dropped(), 1u);
}

}  // namespace
}  // namespace limpet
