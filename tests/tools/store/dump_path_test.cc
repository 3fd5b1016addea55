#include "tools/store/dump_path.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace limpet {
namespace {

const DumpNames kNames = {.executable = "/usr/bin/app",
                          .pid = 4242,
                          .start_ticks = 987654,
                          .time_unix_ns = 1'795'252'976'000'000'000,
                          .host = "box",
                          .profile = "heap",
                          .number = 42};

TEST(DumpPath, ExpandsEveryLetter) {
  EXPECT_EQ(ExpandPattern("%e.%p-%s/%t.%n.%P@%h.100%%", kNames),
            "app.4242-987654/20261121T092256Z.000042.heap@box.100%");
}

TEST(DumpPath, KeepsHostileNamesInsideOnePartOfThePath) {
  DumpNames names = kNames;
  names.executable = "/tmp/..";
  EXPECT_EQ(ExpandPattern("x/%e", names), "x/_");
  names.executable = "/tmp/a\nb\x1b[2J";
  EXPECT_EQ(ExpandPattern("%e", names), "a_b_[2J");
  names.executable = "";
  EXPECT_EQ(ExpandPattern("%e", names), "_");
  names.host = "../../etc";
  EXPECT_EQ(ExpandPattern("%h", names), ".._.._etc");
}

TEST(DumpPath, NamesTheExecutableThatWasDeleted) {
  DumpNames names = kNames;
  names.executable = "/usr/bin/app (deleted)";
  EXPECT_EQ(ExpandPattern("%e", names), "app");
}

TEST(DumpPath, RefusesPatternsThatMeanNothing) {
  EXPECT_TRUE(CheckPattern("%e.%n.pb.gz").ok());
  EXPECT_TRUE(CheckPattern("a/%t/%%%n.%P").ok());
  EXPECT_FALSE(CheckPattern("%x").ok());
  EXPECT_FALSE(CheckPattern("100%").ok());
  EXPECT_FALSE(CheckPattern("%n/heap").ok());
  EXPECT_FALSE(CheckPattern("%P/heap").ok());
  EXPECT_FALSE(CheckPattern("folder/").ok());
}

TEST(DumpPath, TellsLettersFromPercentSigns) {
  EXPECT_TRUE(PatternHas("a.%P", 'P'));
  EXPECT_FALSE(PatternHas("a.%%P", 'P'));
  EXPECT_EQ(ExpandPattern(EscapePattern("100%P"), kNames), "100%P");
}

TEST(DumpPath, NumbersAfterTheLargest) {
  const std::string pattern = "any/%t.%n.%P.pb.gz";
  EXPECT_EQ(NextNumber({}, pattern), 1U);
  EXPECT_EQ(
      NextNumber({"20261121T092256Z.000007.heap.pb.gz", "20261121T092256Z.000041.allocs.pb.gz",
                  "20261121T092256Z.000099.heap.txt", "notes.000500.pb.gz"},
                 pattern),
      42U);
}

TEST(DumpPath, FindsNumbersBetweenSpecialLetters) {
  const std::vector<std::string> files = {"heap(app)+000012"};
  EXPECT_EQ(NextNumber(files, "heap(%e)+%n"), 13U);
  EXPECT_EQ(NextNumber(files, "heap"), 1U);
}

}  // namespace
}  // namespace limpet
