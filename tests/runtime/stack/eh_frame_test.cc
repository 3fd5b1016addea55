// Unwind tables made by hand: what each instruction means, and that damage gives no rule, never a
// crash.

#include "runtime/stack/eh_frame.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

namespace limpet {
namespace {

// Bytes at an address, readable from there to their end.
class FakeMemory {
 public:
  static constexpr std::uint64_t kBase = 0x10000;

  template <class T>
  bool Read(std::uint64_t address, T* value) const {
    if (address < kBase || address - kBase > bytes.size()) return false;
    if (bytes.size() - (address - kBase) < sizeof(T)) return false;
    memcpy(value, bytes.data() + (address - kBase), sizeof(T));
    return true;
  }

  std::vector<std::uint8_t> bytes;
};

constexpr std::uint64_t kFunction = 0x1000;  // start of the one function
constexpr std::uint32_t kFunctionBytes = 0x100;

void Put32(std::vector<std::uint8_t>& bytes, std::uint64_t value) {
  for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

// .eh_frame_hdr, one CIE and one FDE with the instructions `program`.
FakeMemory Table(std::vector<std::uint8_t> program, const char* augmentation = "zR",
                 std::uint8_t return_register = 16) {
  FakeMemory memory;
  std::vector<std::uint8_t>& bytes = memory.bytes;
  constexpr std::uint64_t kHeaderBytes = 20, kCommon = FakeMemory::kBase + kHeaderBytes;

  std::vector<std::uint8_t> common = {1};  // version
  for (const char* c = augmentation; *c != '\0'; ++c)
    common.push_back(static_cast<std::uint8_t>(*c));
  common.insert(common.end(), {0, 1, 0x78, return_register, 1, 0x1b});  // align 1, -8; pcrel sdata4
  common.insert(common.end(), {0x0c, 7, 8, 0x90, 1});                   // CFA = rsp+8, ra at CFA-8
  while (common.size() % 4 != 0) common.push_back(0);
  std::uint64_t entry = kCommon + 8 + common.size();

  bytes = {1, 0x1b, 0x03, 0x3b};
  Put32(bytes, kCommon - (FakeMemory::kBase + 4));
  Put32(bytes, 1);
  Put32(bytes, kFunction - FakeMemory::kBase);
  Put32(bytes, entry - FakeMemory::kBase);
  Put32(bytes, common.size() + 4);
  Put32(bytes, 0);
  bytes.insert(bytes.end(), common.begin(), common.end());
  Put32(bytes, 13 + program.size());
  Put32(bytes, entry + 4 - kCommon);
  Put32(bytes, kFunction - (entry + 8));
  Put32(bytes, kFunctionBytes);
  bytes.push_back(0);
  bytes.insert(bytes.end(), program.begin(), program.end());
  return memory;
}

UnwindRule RuleAt(const FakeMemory& memory, std::uint64_t offset) {
  return EhFrame<FakeMemory>(memory, FakeMemory::kBase).RuleAt(kFunction + offset);
}

void ExpectRule(const FakeMemory& memory, std::uint64_t offset, RuleKind kind, std::int64_t cfa,
                std::int64_t rbp) {
  UnwindRule rule = RuleAt(memory, offset);
  EXPECT_EQ(rule.kind(), kind) << "at +" << offset;
  EXPECT_EQ(rule.cfa_offset(), cfa) << "at +" << offset;
  EXPECT_EQ(rule.rbp_offset(), rbp) << "at +" << offset;
}

TEST(EhFrame, FollowsAPrologue) {
  // advance 1; CFA = rsp+16, rbp at CFA-16; advance 3; CFA = rbp+16
  FakeMemory memory = Table({0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6});
  ExpectRule(memory, 0, RuleKind::kStackPointer, 8, 0);
  ExpectRule(memory, 1, RuleKind::kStackPointer, 16, -16);
  ExpectRule(memory, 3, RuleKind::kStackPointer, 16, -16);
  ExpectRule(memory, 4, RuleKind::kFramePointer, 16, -16);
  ExpectRule(memory, kFunctionBytes - 1, RuleKind::kFramePointer, 16, -16);
}

TEST(EhFrame, RemembersAndRestoresRows) {
  // CFA 32, rbp saved; remember; advance 8; CFA 8, rbp restored; advance 1; restore the row
  FakeMemory memory = Table({0x0e, 32, 0x86, 2, 0x0a, 0x48, 0x0e, 8, 0xc6, 0x41, 0x0b});
  ExpectRule(memory, 7, RuleKind::kStackPointer, 32, -16);
  ExpectRule(memory, 8, RuleKind::kStackPointer, 8, 0);
  ExpectRule(memory, 9, RuleKind::kStackPointer, 32, -16);
}

TEST(EhFrame, KnowsRealignedFrames) {
  // CFA = [rbp-8]; rbp at [rbp+0]
  FakeMemory memory = Table({0x0f, 3, 0x76, 0x78, 0x06, 0x10, 6, 2, 0x76, 0});
  ExpectRule(memory, 0, RuleKind::kRealigned, -8, 0);
}

TEST(EhFrame, KnowsPltStubs) {
  FakeMemory memory = Table({0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22});
  ExpectRule(memory, 0, RuleKind::kStackPointer, 8, 0);
  ExpectRule(memory, 11, RuleKind::kStackPointer, 16, 0);
  ExpectRule(memory, 16, RuleKind::kStackPointer, 8, 0);
}

TEST(EhFrame, KnowsSignalFramesAndFirstFrames) {
  EXPECT_EQ(RuleAt(Table({}, "zRS"), 0).kind(), RuleKind::kSignal);
  EXPECT_EQ(RuleAt(Table({0x07, 16}), 0).kind(), RuleKind::kEnd);
}

TEST(EhFrame, HasNoRuleOutsideOfTheFunction) {
  FakeMemory memory = Table({});
  EXPECT_EQ(RuleAt(memory, kFunctionBytes).kind(), RuleKind::kNoEntry);
  EXPECT_EQ(EhFrame<FakeMemory>(memory, FakeMemory::kBase).RuleAt(kFunction - 1).kind(),
            RuleKind::kNoEntry);
}

TEST(EhFrame, RefusesWhatItCannotPack) {
  EXPECT_EQ(RuleAt(Table({0x0c, 3, 16}), 0).kind(), RuleKind::kUnsupported) << "CFA from rbx";
  EXPECT_EQ(RuleAt(Table({0x0c, 0x87, 2, 16}), 0).kind(), RuleKind::kUnsupported) << "number 263";
  EXPECT_EQ(RuleAt(Table({0x0c, 7, 0x90, 0x80, 0x80, 0x80, 0x10}), 0).kind(),
            RuleKind::kUnsupported)
      << "16 and 4 GiB away";
  EXPECT_EQ(RuleAt(Table({0x0f, 1, 0x50}), 0).kind(), RuleKind::kUnsupported) << "CFA expression";
  EXPECT_EQ(RuleAt(Table({0x09, 6, 3}), 0).kind(), RuleKind::kUnsupported) << "rbp in rbx";
  EXPECT_EQ(RuleAt(Table({0x90, 2}), 0).kind(), RuleKind::kUnsupported)
      << "return address elsewhere";
  EXPECT_EQ(RuleAt(Table({0x3f}), 0).kind(), RuleKind::kUnsupported) << "no such instruction";
}

// Every byte replaced, and every length cut: any answer will do, but reading must stay inside.
TEST(EhFrame, SurvivesDamage) {
  FakeMemory good = Table({0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x0a, 0x42, 0x0b});
  std::mt19937 random(1);
  for (std::size_t at = 0; at < good.bytes.size(); ++at) {
    for (int i = 0; i < 64; ++i) {
      FakeMemory damaged = good;
      damaged.bytes[at] = static_cast<std::uint8_t>(random());
      RuleAt(damaged, random() % kFunctionBytes);
    }
    FakeMemory cut = good;
    cut.bytes.resize(at);
    UnwindRule rule = RuleAt(cut, kFunctionBytes - 1);
    EXPECT_NE(rule.kind(), RuleKind::kFramePointer) << "cut at " << at;
  }
}

}  // namespace
}  // namespace limpet
