// Finds the unwind rule of a pc in a module's .eh_frame, by the sorted table of .eh_frame_hdr.
//
//   .eh_frame_hdr: version, encodings, count, {function start, FDE}[count]   sorted by start
//   FDE: length, -> CIE, start, size, instructions    CIE: alignments, augmentation, instructions
//
// Runs: target hot path (cold side) | companion.  Threads: one owner.  Allocates: never.
#pragma once

#include <cstdint>

#include "runtime/stack/cfa_program.h"
#include "runtime/stack/dwarf_cursor.h"
#include "runtime/stack/unwind_rule.h"

namespace limpet {

template <class Memory>
class EhFrame {
 public:
  EhFrame(const Memory& memory, std::uint64_t header_address)
      : memory_(memory), header_(header_address) {}

  // kNoEntry where no function of the table holds `pc`.
  UnwindRule RuleAt(std::uint64_t pc) const {
    std::uint64_t entry = FindEntry(pc);
    return entry == 0 ? UnwindRule::Make(RuleKind::kNoEntry) : RuleOfEntry(entry, pc);
  }

 private:
  using Cursor = DwarfCursor<Memory>;
  struct Record {
    std::uint64_t body = 0;  // after the length
    std::uint64_t end = 0;
  };

  // Address of the FDE whose start is the last one not above `pc`, 0: none.
  std::uint64_t FindEntry(std::uint64_t pc) const {
    Cursor cursor(memory_, header_);
    auto version = cursor.template Take<std::uint8_t>();
    auto frame_encoding = cursor.template Take<std::uint8_t>();
    auto count_encoding = cursor.template Take<std::uint8_t>();
    auto table_encoding = cursor.template Take<std::uint8_t>();
    if (version != 1 || count_encoding == kEncodingOmitted || table_encoding != kEncodingSorted)
      return 0;
    cursor.TakeValue(frame_encoding);
    std::uint64_t count = cursor.TakeValue(count_encoding);
    return cursor.ok() ? SearchTable(cursor.address(), count, pc) : 0;
  }

  std::uint64_t SearchTable(std::uint64_t table, std::uint64_t count, std::uint64_t pc) const {
    std::uint64_t low = 0, high = count;
    while (low < high) {
      std::uint64_t middle = low + (high - low) / 2;
      if (TableAddress(table, middle, 0) <= pc)
        low = middle + 1;
      else
        high = middle;
    }
    return low == 0 ? 0 : TableAddress(table, low - 1, 4);
  }

  std::uint64_t TableAddress(std::uint64_t table, std::uint64_t index, std::uint64_t field) const {
    std::int32_t offset = 0;
    if (!memory_.Read(table + index * 8 + field, &offset)) return 0;
    return header_ + static_cast<std::uint64_t>(std::int64_t{offset});
  }

  UnwindRule RuleOfEntry(std::uint64_t entry, std::uint64_t pc) const {
    Record record = ReadRecord(entry);
    Cursor cursor(memory_, record.body);
    auto back = cursor.template Take<std::uint32_t>();
    CommonEntry common;
    if (record.end == 0 || !cursor.ok() || !ReadCommonEntry(record.body - back, &common))
      return UnwindRule();

    std::uint64_t start = cursor.TakeAddress(common.address_encoding);
    std::uint64_t size = cursor.TakeValue(common.address_encoding);
    if (common.has_augmentation) cursor.Skip(cursor.TakeUleb128());
    if (!cursor.ok()) return UnwindRule();
    if (pc < start || pc - start >= size) return UnwindRule::Make(RuleKind::kNoEntry);
    return CfaProgram<Memory>(memory_, common, start).RuleAt(pc, cursor.address(), record.end);
  }

  Record ReadRecord(std::uint64_t address) const {
    Cursor cursor(memory_, address);
    std::uint64_t length = cursor.template Take<std::uint32_t>();
    if (length == 0xffffffff) length = cursor.template Take<std::uint64_t>();
    if (!cursor.ok() || length == 0) return {};
    return {cursor.address(), cursor.address() + length};
  }

  bool ReadCommonEntry(std::uint64_t address, CommonEntry* common) const {
    Record record = ReadRecord(address);
    Cursor cursor(memory_, record.body);
    bool is_common = record.end != 0 && cursor.template Take<std::uint32_t>() == 0;
    auto version = cursor.template Take<std::uint8_t>();
    if (!is_common || (version != 1 && version != 3)) return false;

    std::uint64_t augmentation = cursor.address();
    while (cursor.template Take<std::uint8_t>() != 0 && cursor.ok()) {
    }
    common->code_alignment = cursor.TakeUleb128();
    common->data_alignment = cursor.TakeSleb128();
    common->return_register =
        version == 1 ? cursor.template Take<std::uint8_t>() : cursor.TakeUleb128();
    if (!ReadAugmentation(augmentation, cursor, common)) return false;
    common->program_begin = cursor.address();
    common->program_end = record.end;
    return cursor.ok();
  }

  // Letters after 'z' say what its block holds; one that we do not know ends the reading, which is
  // safe because the block's length is given.
  bool ReadAugmentation(std::uint64_t letters, Cursor& cursor, CommonEntry* common) const {
    Cursor letter(memory_, letters);
    auto first = letter.template Take<std::uint8_t>();
    if (first == 0) return true;
    if (first != 'z') return false;
    common->has_augmentation = true;
    std::uint64_t bytes = cursor.TakeUleb128();
    std::uint64_t end = cursor.address() + bytes;
    bool is_known = true;
    while (is_known && letter.ok())
      is_known = TakeLetter(letter.template Take<std::uint8_t>(), cursor, common);
    cursor.Skip(end - cursor.address());
    return letter.ok();
  }

  static bool TakeLetter(std::uint8_t letter, Cursor& cursor, CommonEntry* common) {
    switch (letter) {
      case 'R':
        common->address_encoding = cursor.template Take<std::uint8_t>();
        return true;
      case 'S':
        common->is_signal_frame = true;
        return true;
      case 'L':
        cursor.template Take<std::uint8_t>();
        return true;
      case 'P':
        cursor.TakeValue(cursor.template Take<std::uint8_t>());
        return true;
      default:
        return false;
    }
  }

  const Memory& memory_;
  std::uint64_t header_;
};

}  // namespace limpet
