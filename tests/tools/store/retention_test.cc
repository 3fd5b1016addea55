#include "tools/store/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace limpet {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::size_t> OrderOf(const std::vector<std::string>& reasons) {
  std::vector<DumpRecord> dumps;
  for (const std::string& reason : reasons) dumps.push_back({.reason = reason});
  return RemovalOrder(dumps);
}

TEST(Retention, TakesWhatNobodyAskedForFirstThenTheOldest) {
  EXPECT_THAT(OrderOf({"interval", "demand", "interval", "signal", "growth", "unknown", "highwater",
                       "cgroup", "demand"}),
              ElementsAre(2, 4, 5, 6, 7, 1, 3));
}

TEST(Retention, KeepsTheFirstTheLastAndLastWords) {
  EXPECT_THAT(OrderOf({}), IsEmpty());
  EXPECT_THAT(OrderOf({"interval"}), IsEmpty());
  EXPECT_THAT(OrderOf({"interval", "interval"}), IsEmpty());
  EXPECT_THAT(OrderOf({"interval", "exit", "death", "interval", "interval"}), ElementsAre(3));
}

}  // namespace
}  // namespace limpet
