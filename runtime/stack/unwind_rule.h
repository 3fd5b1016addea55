// How to get from a frame to its caller, packed into one word.
//
//   kind              CFA                 caller's rbp           from
//   kStackPointer     rsp + cfa_offset    [CFA + rbp_offset]     most -O2 code, PLT stubs
//   kFramePointer     rbp + cfa_offset    [CFA + rbp_offset]     frames with alloca or -O0
//   kRealigned        [rbp + cfa_offset]  [rbp + rbp_offset]     stack realignment (main, AVX code)
//   kSignal           registers from the ucontext at rsp         __restore_rt
//   kNoEntry          rbp + 16            [rbp]                  no unwind table: JIT, hand-written
//   kGo               rbp + 16            [rbp]                  Go's code, which has no table: rbp
//                                                              may point to another stack
//   kEnd              the first frame of a thread
//   kUnsupported      the table says something that this packing cannot
//
// The return address is always at CFA - 8, the caller's rsp is CFA. rbp_offset 0 means that rbp
// still holds the caller's value (CFA + 0 lies in the caller's frame, so it is never a save slot).
//
// Runs: target hot path (slow side) | companion.  Threads: plain value.  Allocates: never.
#pragma once

#include <cstdint>

namespace limpet {

enum class RuleKind : std::uint8_t {
  kUnsupported = 0,
  kStackPointer,
  kFramePointer,
  kRealigned,
  kSignal,
  kNoEntry,
  kGo,
  kEnd,
};

class UnwindRule {
 public:
  constexpr UnwindRule() = default;

  // Offsets are multiples of 8 within +-8 MiB; anything else gives kUnsupported.
  static constexpr UnwindRule Make(RuleKind kind, std::int64_t cfa_offset = 0,
                                   std::int64_t rbp_offset = 0) {
    if (!Fits(cfa_offset) || !Fits(rbp_offset)) return UnwindRule();
    return UnwindRule(static_cast<std::uint64_t>(kind) | Field(cfa_offset, kCfaShift) |
                      Field(rbp_offset, kRbpShift));
  }

  static constexpr UnwindRule FromWord(std::uint64_t word) { return UnwindRule(word); }
  constexpr std::uint64_t word() const { return word_; }

  constexpr UnwindRule WithModule(std::uint16_t module) const {
    return UnwindRule((word_ & ~(std::uint64_t{0xffff} << kModuleShift)) | std::uint64_t{module}
                                                                               << kModuleShift);
  }

  constexpr RuleKind kind() const { return static_cast<RuleKind>(word_ & 0xf); }
  constexpr bool UsesFramePointer() const {
    return kind() == RuleKind::kFramePointer || kind() == RuleKind::kRealigned ||
           kind() == RuleKind::kNoEntry || kind() == RuleKind::kGo;
  }
  constexpr std::int64_t cfa_offset() const { return Signed(kCfaShift); }
  constexpr std::int64_t rbp_offset() const { return Signed(kRbpShift); }
  constexpr std::uint16_t module() const {
    return static_cast<std::uint16_t>(word_ >> kModuleShift);
  }

 private:
  static constexpr int kOffsetBits = 21;  // of an offset divided by 8
  static constexpr int kCfaShift = 4;
  static constexpr int kRbpShift = kCfaShift + kOffsetBits;
  static constexpr int kModuleShift = 48;

  explicit constexpr UnwindRule(std::uint64_t word) : word_(word) {}

  static constexpr bool Fits(std::int64_t offset) {
    return offset % 8 == 0 && offset / 8 >= -(1 << (kOffsetBits - 1)) &&
           offset / 8 < (1 << (kOffsetBits - 1));
  }
  static constexpr std::uint64_t Field(std::int64_t offset, int shift) {
    constexpr std::uint64_t kMask = (std::uint64_t{1} << kOffsetBits) - 1;
    return (static_cast<std::uint64_t>(offset / 8) & kMask) << shift;
  }
  constexpr std::int64_t Signed(int shift) const {
    std::uint64_t at_top = word_ << (64 - kOffsetBits - shift);
    return (static_cast<std::int64_t>(at_top) >> (64 - kOffsetBits)) * 8;
  }

  std::uint64_t word_ = 0;
};
static_assert(sizeof(UnwindRule) == 8);

}  // namespace limpet
