// The call frame instructions and the few expression operators that unwind tables hold.
//
// Source: DWARF 5, tables 7.29 (DW_CFA_*) and 7.9 (DW_OP_*), whose names these are.
// Runs: target hot path (cold side) | companion.  Threads: any.  Allocates: never.
#pragma once

#include <cstdint>

namespace limpet {

enum class CfaOpcode : std::uint8_t {
  // Primary: the low six bits are an operand.
  kAdvanceLoc = 0x40,
  kOffset = 0x80,
  kRestore = 0xc0,
  // Extended.
  kNop = 0x00,
  kSetLoc = 0x01,
  kAdvanceLoc1 = 0x02,
  kAdvanceLoc2 = 0x03,
  kAdvanceLoc4 = 0x04,
  kOffsetExtended = 0x05,
  kRestoreExtended = 0x06,
  kUndefined = 0x07,
  kSameValue = 0x08,
  kRegister = 0x09,
  kRememberState = 0x0a,
  kRestoreState = 0x0b,
  kDefCfa = 0x0c,
  kDefCfaRegister = 0x0d,
  kDefCfaOffset = 0x0e,
  kDefCfaExpression = 0x0f,
  kExpression = 0x10,
  kOffsetExtendedSf = 0x11,
  kDefCfaSf = 0x12,
  kDefCfaOffsetSf = 0x13,
  kValOffset = 0x14,
  kValOffsetSf = 0x15,
  kValExpression = 0x16,
  kGnuArgsSize = 0x2e,
};
inline constexpr std::uint8_t kPrimaryOperandMask = 0x3f;

inline constexpr std::uint8_t kOpDeref = 0x06;
inline constexpr std::uint8_t kOpBregRbp = 0x76;  // DW_OP_breg6
inline constexpr std::uint8_t kOpBregRsp = 0x77;  // DW_OP_breg7

}  // namespace limpet
