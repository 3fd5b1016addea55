#include "tools/launch/traced_environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace limpet {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

std::vector<std::string> Traced(std::vector<const char*> before, const TraceRequest& request) {
  before.push_back(nullptr);
  return TracedEnvironment(before.data(), request);
}

TEST(TracedEnvironment, AddsThePreloadAndTheSettings) {
  EXPECT_THAT(Traced({"HOME=/home/a"}, {.library = "/l.so", .settings = {{"LIMPET_DIR", "d"}}}),
              ElementsAre("HOME=/home/a", "LD_PRELOAD=/l.so", "LIMPET_DIR=d"));
}

TEST(TracedEnvironment, PutsOursFirstAndTheAllocatorLast) {
  EXPECT_THAT(
      Traced({"LD_PRELOAD=/a.so /b.so"}, {.library = "/l.so", .allocator_library = "/j.so"}),
      ElementsAre("LD_PRELOAD=/l.so:/a.so:/b.so:/j.so"));
}

TEST(TracedEnvironment, NamesNoLibraryTwice) {
  EXPECT_THAT(
      Traced({"LD_PRELOAD=/j.so:/l.so:/a.so"}, {.library = "/l.so", .allocator_library = "/j.so"}),
      ElementsAre("LD_PRELOAD=/l.so:/a.so:/j.so"));
}

TEST(TracedEnvironment, ReplacesASettingAndKeepsTheOthers) {
  EXPECT_THAT(Traced({"LIMPET_DIR=old", "LIMPET_SIGNAL=none"},
                     {.library = "/l.so", .settings = {{"LIMPET_DIR", "new"}}}),
              ElementsAre("LIMPET_SIGNAL=none", "LD_PRELOAD=/l.so", "LIMPET_DIR=new"));
}

TEST(TracedEnvironment, PassesOnWhatIsNoVariable) {
  EXPECT_THAT(Traced({"LD_PRELOAD", "odd"}, {.library = "/l.so"}), Contains("odd"));
}

}  // namespace
}  // namespace limpet
