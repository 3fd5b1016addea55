#include "runtime/sys/fixed_text.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

namespace limpet::sys {
namespace {

TEST(FixedText, IsEmptyAtFirst) {
  FixedText<8> text;
  EXPECT_STREQ(text.c_str(), "");
  EXPECT_EQ(text.size(), 0u);
  EXPECT_FALSE(text.IsCut());
}

TEST(FixedText, JoinsWhatIsAppended) {
  FixedText<32> text;
  text.Append("a").Append("/b").AppendNumber(42).Append("xyz", 2).Append("");
  EXPECT_STREQ(text.c_str(), "a/b42xy");
  EXPECT_EQ(text.size(), 7u);
}

TEST(FixedText, HoldsOneByteLessThanItsBuffer) {
  FixedText<4> text;
  text.Append("abc");
  EXPECT_STREQ(text.c_str(), "abc");
  EXPECT_FALSE(text.IsCut());
}

TEST(FixedText, CutsWhatDoesNotFitAndSaysSo) {
  FixedText<4> text;
  text.Append("abcd");
  EXPECT_STREQ(text.c_str(), "abc");
  EXPECT_EQ(text.size(), 3u);
  EXPECT_TRUE(text.IsCut());
}

TEST(FixedText, StaysCut) {
  FixedText<4> text;
  text.Append("abcdef").Append("").Append("g");
  EXPECT_STREQ(text.c_str(), "abc");
  EXPECT_TRUE(text.IsCut());
}

TEST(FixedText, IsWholeAgainOnceCleared) {
  FixedText<4> text;
  text.Append("abcdef").Clear();
  EXPECT_STREQ(text.c_str(), "");
  EXPECT_FALSE(text.IsCut());
  text.Append("x");
  EXPECT_STREQ(text.c_str(), "x");
}

TEST(FixedText, WritesNumbersInFull) {
  FixedText<64> text;
  text.AppendNumber(0).Append(" ").AppendNumber(10).Append(" ").AppendNumber(UINT64_MAX);
  EXPECT_STREQ(text.c_str(), "0 10 18446744073709551615");
}

TEST(FixedText, HasRoomForNothingInOneByte) {
  FixedText<1> text;
  text.Append("a");
  EXPECT_STREQ(text.c_str(), "");
  EXPECT_TRUE(text.IsCut());
}

TEST(FixedText, IsCopiedWhole) {
  FixedText<8> text;
  text.Append("abc");
  FixedText<8> copy = text;
  text.Append("def");
  EXPECT_STREQ(copy.c_str(), "abc");
}

}  // namespace
}  // namespace limpet::sys
