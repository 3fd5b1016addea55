// Runs the call frame instructions of one function up to a pc and packs the row found there into an
// UnwindRule.
//
//   CIE program -> row at the function's entry -> FDE program, until location > pc -> row -> rule
//
// Only what a walk needs is kept of a row: the CFA, rbp and the return address. Rows that cannot be
// packed give kUnsupported and are counted, never guessed.
//
// Source: DWARF 5, 6.4.2; binutils' and gcc's output for x86-64.
// Runs: target hot path (cold side) | companion.  Threads: one owner.  Allocates: never.
#pragma once

#include <cstdint>

#include "runtime/stack/cfa_opcode.h"
#include "runtime/stack/dwarf_cursor.h"
#include "runtime/stack/unwind_rule.h"

namespace limpet {

// What a CIE says of all its functions.
struct CommonEntry {
  std::uint64_t code_alignment = 1;
  std::int64_t data_alignment = 1;
  std::uint64_t return_register = 16;
  std::uint8_t address_encoding = 0;
  bool is_signal_frame = false;
  bool has_augmentation = false;
  std::uint64_t program_begin = 0;
  std::uint64_t program_end = 0;
};

template <class Memory>
class CfaProgram {
 public:
  CfaProgram(const Memory& memory, const CommonEntry& common, std::uint64_t function_start)
      : memory_(memory), common_(common), location_(function_start) {}

  // The rule that holds at `pc`, given the function's own instructions [begin, end).
  UnwindRule RuleAt(std::uint64_t pc, std::uint64_t begin, std::uint64_t end) {
    bool known = Run(common_.program_begin, common_.program_end, ~std::uint64_t{0});
    initial_ = row_;
    known = known && Run(begin, end, pc);
    return known ? Pack(pc) : UnwindRule();
  }

 private:
  static constexpr std::uint64_t kRbp = 6;
  static constexpr std::uint64_t kRsp = 7;
  static constexpr int kMaxSavedRows = 8;           // DW_CFA_remember_state nests; compilers use 1
  static constexpr int kMaxInstructions = 1 << 18;  // generated parsers reach tens of thousands

  enum class Place : std::uint8_t { kUnchanged, kAtCfa, kAtRbp, kUndefined, kOther };
  // Ten rows lie on the program's stack, so they are kept small: an offset that a rule cannot hold
  // anyway becomes one that it never holds, and a register that it does not know becomes one of
  // them.
  using Offset = std::int32_t;
  static constexpr Offset kNoOffset = 1;  // rules hold multiples of 8
  static Offset Narrow(std::int64_t offset) {
    auto narrow = static_cast<Offset>(offset);
    return narrow == offset ? narrow : kNoOffset;
  }
  static constexpr std::uint8_t kOtherRegister = 0xff;
  struct Register {
    Place place = Place::kUnchanged;
    Offset offset = 0;
  };
  enum class CfaForm : std::uint8_t { kRegister, kDereference, kPlt, kOther };
  struct Row {
    CfaForm form = CfaForm::kOther;
    std::uint8_t cfa_register = 0;
    Offset cfa_offset = 0;
    Register rbp;
    Register return_address;
  };
  static_assert(sizeof(Row) == 24);

  using Cursor = DwarfCursor<Memory>;

  bool Run(std::uint64_t begin, std::uint64_t end, std::uint64_t pc) {
    Cursor cursor(memory_, begin);
    for (int i = 0; i < kMaxInstructions; ++i) {
      if (cursor.address() >= end || location_ > pc) return cursor.ok();
      if (!Step(cursor) || !cursor.ok()) return false;
    }
    return false;
  }

  // Location advances are compared after the fact: Run() stops before an instruction that belongs
  // to a later location, because the row only changes by instructions that follow the advance.
  bool Step(Cursor& cursor) {
    auto opcode = cursor.template Take<std::uint8_t>();
    std::uint64_t operand = opcode & kPrimaryOperandMask;
    switch (static_cast<CfaOpcode>(opcode & ~kPrimaryOperandMask)) {
      case CfaOpcode::kAdvanceLoc:
        Advance(operand);
        return true;
      case CfaOpcode::kOffset:
        SaveAtCfa(operand, Factored(cursor.TakeUleb128()));
        return true;
      case CfaOpcode::kRestore:
        Restore(operand);
        return true;
      default:
        return StepExtended(static_cast<CfaOpcode>(opcode), cursor);
    }
  }

  bool StepExtended(CfaOpcode opcode, Cursor& cursor) {
    switch (opcode) {
      case CfaOpcode::kNop:
        return true;
      case CfaOpcode::kSetLoc:
        location_ = cursor.TakeAddress(common_.address_encoding);
        return true;
      case CfaOpcode::kAdvanceLoc1:
        Advance(cursor.template Take<std::uint8_t>());
        return true;
      case CfaOpcode::kAdvanceLoc2:
        Advance(cursor.template Take<std::uint16_t>());
        return true;
      case CfaOpcode::kAdvanceLoc4:
        Advance(cursor.template Take<std::uint32_t>());
        return true;
      case CfaOpcode::kRememberState:
        return Remember();
      case CfaOpcode::kRestoreState:
        return Recall();
      case CfaOpcode::kGnuArgsSize:
        cursor.TakeUleb128();
        return true;
      default:
        return DefineCfa(opcode, cursor) || DefineRegister(opcode, cursor);
    }
  }

  // False: the opcode is none of the CFA's, and nothing was read.
  bool DefineCfa(CfaOpcode opcode, Cursor& cursor) {
    switch (opcode) {
      case CfaOpcode::kDefCfa:
        SetCfa(cursor.TakeUleb128(), 0);
        row_.cfa_offset = TakeOffset(cursor);
        return true;
      case CfaOpcode::kDefCfaSf:
        SetCfa(cursor.TakeUleb128(), 0);
        row_.cfa_offset = TakeFactored(cursor);
        return true;
      case CfaOpcode::kDefCfaRegister:
        SetCfa(cursor.TakeUleb128(), row_.cfa_offset);
        return true;
      case CfaOpcode::kDefCfaOffset:
        row_.cfa_offset = TakeOffset(cursor);
        return true;
      case CfaOpcode::kDefCfaOffsetSf:
        row_.cfa_offset = TakeFactored(cursor);
        return true;
      case CfaOpcode::kDefCfaExpression:
        DefineCfaByExpression(cursor);
        return true;
      default:
        return false;
    }
  }

  // All of these begin with the register's number. False: an opcode that nobody knows.
  bool DefineRegister(CfaOpcode opcode, Cursor& cursor) {
    std::uint64_t number = cursor.TakeUleb128();
    switch (opcode) {
      case CfaOpcode::kOffsetExtended:
        SaveAtCfa(number, Factored(cursor.TakeUleb128()));
        return true;
      case CfaOpcode::kOffsetExtendedSf:
        SaveAtCfa(number, TakeFactored(cursor));
        return true;
      case CfaOpcode::kRestoreExtended:
        Restore(number);
        return true;
      case CfaOpcode::kUndefined:
        Set(number, {Place::kUndefined, 0});
        return true;
      case CfaOpcode::kSameValue:
        Set(number, {Place::kUnchanged, 0});
        return true;
      case CfaOpcode::kExpression:
        SaveByExpression(number, cursor);
        return true;
      default:
        return SaveElsewhere(opcode, number, cursor);
    }
  }

  // Ways that no compiler uses for rbp or the return address; other registers do not matter here.
  bool SaveElsewhere(CfaOpcode opcode, std::uint64_t number, Cursor& cursor) {
    Set(number, {Place::kOther, 0});
    switch (opcode) {
      case CfaOpcode::kRegister:
      case CfaOpcode::kValOffset:
      case CfaOpcode::kValOffsetSf:
        cursor.TakeUleb128();  // ends where the signed form ends
        return true;
      case CfaOpcode::kValExpression:
        SkipBlock(cursor);
        return true;
      default:
        return false;
    }
  }

  void Advance(std::uint64_t delta) { location_ += delta * common_.code_alignment; }
  std::int64_t Factored(std::uint64_t value) const {
    return static_cast<std::int64_t>(value) * common_.data_alignment;
  }
  static Offset TakeOffset(Cursor& cursor) {
    return Narrow(static_cast<std::int64_t>(cursor.TakeUleb128()));
  }
  Offset TakeFactored(Cursor& cursor) const {
    return Narrow(cursor.TakeSleb128() * common_.data_alignment);
  }

  void SetCfa(std::uint64_t number, Offset offset) {
    row_.form = CfaForm::kRegister;
    row_.cfa_register =
        number < kOtherRegister ? static_cast<std::uint8_t>(number) : kOtherRegister;
    row_.cfa_offset = offset;
  }
  void Set(std::uint64_t number, Register rule) {
    if (number == kRbp) row_.rbp = rule;
    if (number == common_.return_register) row_.return_address = rule;
  }
  void SaveAtCfa(std::uint64_t number, std::int64_t offset) {
    Set(number, {Place::kAtCfa, Narrow(offset)});
  }
  void Restore(std::uint64_t number) {
    if (number == kRbp) row_.rbp = initial_.rbp;
    if (number == common_.return_register) row_.return_address = initial_.return_address;
  }
  bool Remember() {
    if (saved_rows_ == kMaxSavedRows) return false;
    saved_[saved_rows_++] = row_;
    return true;
  }
  bool Recall() {
    if (saved_rows_ == 0) return false;
    row_ = saved_[--saved_rows_];
    return true;
  }
  static void SkipBlock(Cursor& cursor) { cursor.Skip(cursor.TakeUleb128()); }

  // The two expressions that occur: realigned frames, `breg6 n; deref`, and the linker's PLT stubs.
  void DefineCfaByExpression(Cursor& cursor) {
    std::uint64_t bytes = cursor.TakeUleb128();
    std::uint64_t end = cursor.address() + bytes;
    row_.form = CfaForm::kOther;
    auto first = cursor.template Take<std::uint8_t>();
    if (first == kOpBregRbp) {
      row_.cfa_offset = Narrow(cursor.TakeSleb128());
      bool is_deref =
          cursor.address() + 1 == end && cursor.template Take<std::uint8_t>() == kOpDeref;
      if (is_deref) row_.form = CfaForm::kDereference;
    } else if (first == kOpBregRsp && bytes == sizeof(kPltExpression) + 1) {
      if (Matches(cursor, kPltExpression)) row_.form = CfaForm::kPlt;
    }
    cursor.Skip(end - cursor.address());
  }

  // breg7 8; breg16 0; lit15; and; lit11; ge; lit3; shl; plus: in the second half of a 16-byte PLT
  // stub one more word has been pushed.
  static constexpr std::uint8_t kPltExpression[] = {0x08, 0x80, 0x00, 0x3f, 0x1a,
                                                    0x3b, 0x2a, 0x33, 0x24, 0x22};
  template <std::size_t kBytes>
  static bool Matches(Cursor& cursor, const std::uint8_t (&expected)[kBytes]) {
    bool same = true;
    for (std::uint8_t byte : expected) same &= cursor.template Take<std::uint8_t>() == byte;
    return same;
  }

  void SaveByExpression(std::uint64_t number, Cursor& cursor) {
    std::uint64_t bytes = cursor.TakeUleb128();
    std::uint64_t end = cursor.address() + bytes;
    Register rule{Place::kOther, 0};
    if (cursor.template Take<std::uint8_t>() == kOpBregRbp) {
      std::int64_t offset = cursor.TakeSleb128();
      if (cursor.address() == end) rule = {Place::kAtRbp, Narrow(offset)};
    }
    Set(number, rule);
    cursor.Skip(end - cursor.address());
  }

  UnwindRule Pack(std::uint64_t pc) const {
    if (row_.return_address.place == Place::kUndefined) return UnwindRule::Make(RuleKind::kEnd);
    if (common_.is_signal_frame) return UnwindRule::Make(RuleKind::kSignal);
    bool returns_at_cfa =
        row_.return_address.place == Place::kAtCfa && row_.return_address.offset == -8;
    if (!returns_at_cfa) return UnwindRule();
    switch (row_.form) {
      case CfaForm::kRegister:
        return PackRegisterCfa();
      case CfaForm::kPlt:
        return PackSaved(RuleKind::kStackPointer, (pc & 15) >= 11 ? 16 : 8);
      case CfaForm::kDereference:
        return PackRealigned();
      default:
        return UnwindRule();
    }
  }

  UnwindRule PackRegisterCfa() const {
    if (row_.cfa_register == kRsp) return PackSaved(RuleKind::kStackPointer, row_.cfa_offset);
    if (row_.cfa_register == kRbp) return PackSaved(RuleKind::kFramePointer, row_.cfa_offset);
    return UnwindRule();
  }
  UnwindRule PackSaved(RuleKind kind, std::int64_t cfa_offset) const {
    if (row_.rbp.place == Place::kUnchanged) return UnwindRule::Make(kind, cfa_offset);
    bool at_cfa = row_.rbp.place == Place::kAtCfa && row_.rbp.offset != 0;
    return at_cfa ? UnwindRule::Make(kind, cfa_offset, row_.rbp.offset) : UnwindRule();
  }
  UnwindRule PackRealigned() const {
    if (row_.rbp.place != Place::kAtRbp) return UnwindRule();
    return UnwindRule::Make(RuleKind::kRealigned, row_.cfa_offset, row_.rbp.offset);
  }

  const Memory& memory_;
  const CommonEntry& common_;
  std::uint64_t location_;
  Row row_;
  Row initial_;
  Row saved_[kMaxSavedRows];
  int saved_rows_ = 0;
};

}  // namespace limpet
