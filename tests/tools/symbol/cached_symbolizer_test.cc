#include "tools/symbol/cached_symbolizer.h"

#include <gtest/gtest.h>

#include "tests/support/fake_symbolizer.h"

namespace limpet {
namespace {

class CachedNames : public ::testing::Test {
 protected:
  CachedNames() {
    inner_.Add("/bin/app", 0x10, {{"push", "_push", "a.h", 3, 2, 0x8}, {"grow", "_grow", "a.cc"}});
  }

  FakeSymbolizer inner_;
  CachedSymbolizer symbolizer_{inner_};
};

TEST_F(CachedNames, AsksOnceAndAnswersTheSame) {
  const ModuleFile app{"/bin/app", "abcd"};
  for (int turn = 0; turn < 3; ++turn) {
    const std::vector<SourceFrame> frames = symbolizer_.Resolve(app, 0x10);
    ASSERT_EQ(frames.size(), 2U);
    EXPECT_EQ(frames[0].name, "push");
    EXPECT_EQ(frames[0].system_name, "_push");
    EXPECT_EQ(frames[0].file, "a.h");
    EXPECT_EQ(frames[0].line, 3);
    EXPECT_EQ(frames[0].start_line, 2);
    EXPECT_EQ(frames[0].entry, 0x8U);
    EXPECT_EQ(frames[1].name, "grow");
    symbolizer_.Forget();
  }
  EXPECT_EQ(inner_.resolved, 1);
}

TEST_F(CachedNames, RemembersThatThereIsNoName) {
  EXPECT_TRUE(symbolizer_.Resolve({"/bin/app", ""}, 0x20).empty());
  EXPECT_TRUE(symbolizer_.Resolve({"/bin/app", ""}, 0x20).empty());
  EXPECT_EQ(inner_.resolved, 1);
}

TEST_F(CachedNames, TakesAnotherBuildForAnotherFile) {
  symbolizer_.Resolve({"/bin/app", "abcd"}, 0x10);
  symbolizer_.Resolve({"/bin/app", "ef01"}, 0x10);
  EXPECT_EQ(inner_.resolved, 2);
}

}  // namespace
}  // namespace limpet
