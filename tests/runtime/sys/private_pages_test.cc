#include "runtime/sys/private_pages.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "tests/runtime/sys/child_process.h"

namespace limpet::sys {
namespace {

constexpr std::size_t kBytes = 64 << 20;

std::size_t ResidentPages(char* pages, std::size_t bytes) {
  std::vector<unsigned char> residence(bytes / kPageBytes);
  EXPECT_EQ(mincore(pages, bytes, residence.data()), 0);
  return static_cast<std::size_t>(std::count(residence.begin(), residence.end(), 1));
}

TEST(PrivatePages, AreZeroAndCostNothingUntilTheyAreTouched) {
  auto* pages = MapPrivatePages<char>(kBytes);
  ASSERT_NE(pages, nullptr);
  EXPECT_EQ(ResidentPages(pages, kBytes), 0u);
  EXPECT_EQ(pages[0], 0);
  EXPECT_EQ(pages[kBytes - 1], 0);
  UnmapPages(pages, kBytes);
}

TEST(PrivatePages, AreNotFilledInAProgramThatLocksItsMemory) {
  test::ExpectInChild([] {
    ASSERT_EQ(mlockall(MCL_FUTURE), 0);
    auto* pages = MapPrivatePages<char>(kBytes);
    ASSERT_NE(pages, nullptr);
    EXPECT_LE(ResidentPages(pages, kBytes), 1u);
    pages[kBytes - 1] = 1;
    EXPECT_LE(ResidentPages(pages, kBytes), 2u);
  });
}

TEST(PrivatePages, AreRefusedWhereTheAddressSpaceIsTooSmall) {
  test::ExpectInChild([] {
    rlimit limit = {kBytes, RLIM_INFINITY};
    ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
    EXPECT_EQ(MapPrivatePages<char>(kBytes), nullptr);
  });
}

}  // namespace
}  // namespace limpet::sys
