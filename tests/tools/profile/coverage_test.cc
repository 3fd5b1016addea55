#include "tools/profile/coverage.h"

#include <gtest/gtest.h>

namespace limpet {
namespace {

TEST(Coverage, FormatsBytesInPowersOf1024) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(1024), "1.0 KiB");
  EXPECT_EQ(FormatBytes(1024 * 1024 - 1), "1.0 MiB") << "never 1024.0 KiB";
  EXPECT_EQ(FormatBytes(UINT64_MAX), "16.0 EiB");
}

TEST(Coverage, SaysWhatEachNumberIs) {
  const std::string line = CoverageLine(
      {.in_use_bytes = 2 << 20, .resident_anonymous_bytes = 3 << 20, .resident_bytes = 5 << 20});
  EXPECT_EQ(line,
            "coverage: 2.0 MiB in use as sampled, of 3.0 MiB resident anonymous memory (heap with "
            "its free parts, thread stacks, private mappings), of 5.0 MiB RSS");
}

TEST(Coverage, ExplainsMoreInUseThanResident) {
  const std::string line = CoverageLine({.in_use_bytes = 9, .resident_anonymous_bytes = 3});
  EXPECT_NE(line.find("not touched yet"), std::string::npos);
}

}  // namespace
}  // namespace limpet
