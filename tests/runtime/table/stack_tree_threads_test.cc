// Threads that intern stacks at once: every id must name the stack it was given for.

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "tests/runtime/table/parallel.h"
#include "tests/runtime/table/stack_of.h"

namespace limpet {
namespace {

using test::Forest;
using test::Frames;
using test::kMiB;

constexpr int kThreads = 8;
constexpr std::uint64_t kStacks = 20'000;

// A stack of three frames; numbers share outer frames.
Frames FramesOf(std::uint64_t number) {
  return {0x10'0000 + number % 10 * 16, 0x20'0000 + number % 500 * 16, 0x30'0000 + number * 16};
}

struct Naming {
  std::uint64_t number;
  StackId stack;
};

// Each thread interns the stacks that `number_of(thread, i)` gives; all that was named comes back.
template <class NumberOf>
std::vector<Naming> InternInParallel(Forest& forest, NumberOf number_of) {
  std::vector<std::vector<Naming>> named(kThreads);
  test::InParallel(kThreads, [&](int thread) {
    auto& own = named[static_cast<std::size_t>(thread)];
    for (std::uint64_t i = 0; i < kStacks; ++i) {
      const std::uint64_t number = number_of(static_cast<std::uint64_t>(thread), i);
      own.push_back({number, forest.Intern(FramesOf(number))});
    }
  });
  std::vector<Naming> all;
  for (auto& own : named) all.insert(all.end(), own.begin(), own.end());
  return all;
}

TEST(StackTreeThreads, NameTheSameStacksRightly) {
  Forest forest(64 * kMiB);
  for (const Naming& naming :
       InternInParallel(forest, [](std::uint64_t, std::uint64_t i) { return i; })) {
    ASSERT_EQ(forest.PathOf(naming.stack), FramesOf(naming.number));
  }
  EXPECT_EQ(forest.Dropped(), 0u);
}

TEST(StackTreeThreads, NameDifferentStacksRightly) {
  Forest forest(64 * kMiB);
  for (const Naming& naming : InternInParallel(
           forest, [](std::uint64_t thread, std::uint64_t i) { return thread * kStacks + i; })) {
    ASSERT_EQ(forest.PathOf(naming.stack), FramesOf(naming.number));
  }
  EXPECT_EQ(forest.Dropped(), 0u);
}

TEST(StackTreeThreads, FindWhatIsThereOnceNobodyAddsAnyMore) {
  Forest forest(64 * kMiB);
  InternInParallel(forest, [](std::uint64_t, std::uint64_t i) { return i; });
  for (std::uint64_t i = 0; i < kStacks; ++i) forest.Intern(FramesOf(i));
  const std::uint64_t nodes = forest.Nodes();
  InternInParallel(forest, [](std::uint64_t, std::uint64_t i) { return i; });
  EXPECT_EQ(forest.Nodes(), nodes);
}

// One thread makes a site while another looks for its stack by the path.
TEST(StackTreeThreads, FindSitesThatOthersAreMaking) {
  Forest forest(64 * kMiB);
  std::atomic<std::uint64_t> wrong = 0;
  test::InParallel(kThreads, [&](int) {
    for (std::uint64_t i = 0; i < kStacks; ++i) {
      const SiteSlot* site = forest.Site(FramesOf(i));
      if (site == nullptr || forest.PathOf(site->stack) != FramesOf(i)) ++wrong;
    }
  });
  EXPECT_EQ(wrong.load(), 0u);
  EXPECT_EQ(forest.Dropped(), 0u);
}

TEST(StackTreeThreads, FillTheTableWithoutMisnamingAnything) {
  Forest forest(kMiB);
  std::vector<Naming> named = InternInParallel(
      forest, [](std::uint64_t thread, std::uint64_t i) { return thread * kStacks + i; });
  std::uint64_t unknown = 0;
  for (const Naming& naming : named) {
    if (naming.stack == StackId::kComplete)
      ++unknown;
    else
      ASSERT_EQ(forest.PathOf(naming.stack), FramesOf(naming.number));
  }
  EXPECT_EQ(forest.Dropped(), unknown);
  EXPECT_GT(unknown, 0u);
}

TEST(StackTreeThreads, AddToOneSiteOfAStack) {
  Forest forest(4 * kMiB);
  SiteSlot* const expected = forest.Site({1, 2, 3});
  std::atomic<std::uint64_t> missing = 0;
  test::InParallel(kThreads, [&](int) {
    for (int i = 0; i < 1000; ++i) {
      SiteSlot* site = forest.Site({1, 2, 3});
      if (site != expected)
        ++missing;
      else
        site->samples.fetch_add(1);
    }
  });
  EXPECT_EQ(missing.load(), 0u);
  EXPECT_EQ(expected->samples.load(), kThreads * 1000u);
}

}  // namespace
}  // namespace limpet
