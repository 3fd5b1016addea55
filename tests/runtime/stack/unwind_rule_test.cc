#include "runtime/stack/unwind_rule.h"

#include <gtest/gtest.h>

namespace limpet {
namespace {

TEST(UnwindRule, KeepsWhatItIsMadeOf) {
  for (std::int64_t cfa : {-8 << 20, -8, 0, 8, 16, (8 << 20) - 8}) {
    for (std::int64_t rbp : {-8 << 20, -16, 0, 8, (8 << 20) - 8}) {
      UnwindRule rule = UnwindRule::Make(RuleKind::kFramePointer, cfa, rbp).WithModule(0xabcd);
      EXPECT_EQ(rule.kind(), RuleKind::kFramePointer);
      EXPECT_EQ(rule.cfa_offset(), cfa);
      EXPECT_EQ(rule.rbp_offset(), rbp);
      EXPECT_EQ(rule.module(), 0xabcd);
      EXPECT_EQ(UnwindRule::FromWord(rule.word()).word(), rule.word());
    }
  }
}

TEST(UnwindRule, RefusesWhatDoesNotFit) {
  for (std::int64_t offset :
       {std::int64_t{4}, std::int64_t{8} << 20, (std::int64_t{-8} << 20) - 8}) {
    EXPECT_EQ(UnwindRule::Make(RuleKind::kStackPointer, offset).kind(), RuleKind::kUnsupported);
    EXPECT_EQ(UnwindRule::Make(RuleKind::kStackPointer, 8, offset).kind(), RuleKind::kUnsupported);
  }
}

TEST(UnwindRule, WithModuleReplacesTheModuleOnly) {
  UnwindRule rule = UnwindRule::Make(RuleKind::kStackPointer, 64, -16).WithModule(7).WithModule(9);
  EXPECT_EQ(rule.module(), 9);
  EXPECT_EQ(rule.cfa_offset(), 64);
  EXPECT_EQ(rule.rbp_offset(), -16);
}

}  // namespace
}  // namespace limpet
