#include "tools/symbol/line_program.h"

#include <dwarf.h>

#include <algorithm>
#include <utility>

namespace limpet {
namespace {

constexpr std::uint64_t kLongFormat = 0xffffffff;

bool IsBefore(const LineRow& left, const LineRow& right) {
  if (left.address != right.address) return left.address < right.address;
  return left.is_end && !right.is_end;
}

}  // namespace

LineProgram::LineProgram(Elf* elf, std::uint64_t offset, const std::string& unit_directory,
                         const ElfImage& code)
    : files(unit_directory), code_(code) {
  ByteReader section(DebugSection(elf, ".debug_line"));
  ByteReader table({});
  ByteReader program({});
  std::uint64_t length = 0;
  if (!section.Skip(offset) || !section.ReadNumber(4, length)) return;
  if (length == kLongFormat) {
    format_.offset_bytes = 8;
    if (!section.ReadNumber(8, length)) return;
  }
  // A table that claims to be longer than its section is read as far as it goes.
  section.ReadPart(std::min<std::uint64_t>(length, section.left()), table);
  if (!ReadHeader(elf, table, program)) return;
  while (program.left() != 0 && Step(program)) {
  }
  rows.resize(sequence_begin_);  // one without an end says nothing
  Sort();
}

bool LineProgram::ReadHeader(Elf* elf, ByteReader& table, ByteReader& program) {
  if (!table.ReadNumber(2, format_.version) || format_.version < 2 || format_.version > 5) {
    return false;
  }
  if (format_.version == 5 && !table.Skip(2)) return false;  // sizes of addresses and selectors
  std::uint64_t header_bytes = 0;
  ByteReader header({});
  if (!table.ReadNumber(format_.offset_bytes, header_bytes) ||
      !table.ReadPart(header_bytes, header)) {
    return false;
  }
  program = table;
  std::uint8_t operations = 1;
  std::uint8_t line_base = 0;
  if (!header.ReadByte(instruction_bytes_)) return false;
  if (format_.version >= 4 && !header.ReadByte(operations)) return false;
  if (operations != 1) return false;  // for machines that pack several instructions into one word
  if (!header.Skip(1) || !header.ReadByte(line_base) || !header.ReadByte(line_range_) ||
      !header.ReadByte(opcode_base_) || line_range_ == 0 || opcode_base_ == 0) {
    return false;
  }
  line_base_ = static_cast<std::int8_t>(line_base);
  for (unsigned int opcode = 1; opcode < opcode_base_; ++opcode) {
    if (!header.ReadByte(operands_[opcode])) return false;
  }
  return files.Read(elf, format_, header);
}

bool LineProgram::Step(ByteReader& program) {
  std::uint8_t opcode = 0;
  if (!program.ReadByte(opcode)) return false;
  if (opcode >= opcode_base_) {
    StepSpecial(opcode);
    return true;
  }
  return opcode == 0 ? StepExtended(program) : StepStandard(opcode, program);
}

void LineProgram::StepSpecial(std::uint8_t opcode) {
  const int adjusted = opcode - opcode_base_;
  Advance(static_cast<std::uint64_t>(adjusted / line_range_));
  row_.line += static_cast<std::uint32_t>(line_base_ + adjusted % line_range_);
  Emit();
}

bool LineProgram::StepStandard(std::uint8_t opcode, ByteReader& program) {
  std::uint64_t number = 0;
  std::int64_t difference = 0;
  switch (opcode) {
    case DW_LNS_copy:
      Emit();
      return true;
    case DW_LNS_advance_pc:
      if (!program.ReadLeb(number)) return false;
      Advance(number);
      return true;
    case DW_LNS_advance_line:
      if (!program.ReadSignedLeb(difference)) return false;
      row_.line += static_cast<std::uint32_t>(difference);
      return true;
    case DW_LNS_set_file:
      if (!program.ReadLeb(number)) return false;
      row_.file = static_cast<std::uint32_t>(number);
      return true;
    case DW_LNS_const_add_pc:
      Advance(static_cast<std::uint64_t>((255 - opcode_base_) / line_range_));
      return true;
    case DW_LNS_fixed_advance_pc:
      if (!program.ReadNumber(2, number)) return false;
      row_.address += number;
      return true;
    default:
      // Columns, flags, and what a later DWARF adds.
      for (int operand = 0; operand < operands_[opcode]; ++operand) {
        if (!program.ReadLeb(number)) return false;
      }
      return true;
  }
}

bool LineProgram::StepExtended(ByteReader& program) {
  std::uint64_t length = 0;
  ByteReader operation({});
  std::uint8_t opcode = 0;
  if (!program.ReadLeb(length) || !program.ReadPart(length, operation)) return false;
  if (length == 0) return true;  // padding
  if (!operation.ReadByte(opcode)) return false;
  switch (opcode) {
    case DW_LNE_end_sequence:
      EndSequence();
      return true;
    case DW_LNE_set_address:
      return operation.ReadNumber(std::min<std::size_t>(operation.left(), sizeof(row_.address)),
                                  row_.address);
    case DW_LNE_define_file:
      return files.ReadEntry(operation);
    default:
      return true;
  }
}

// Most rows are there for a debugger to step through: they change neither file nor line.
void LineProgram::Emit() {
  if (!code_.IsCode(row_.address)) return;
  if (rows.size() > sequence_begin_) {
    const LineRow& last = rows.back();
    if (last.file == row_.file && last.line == row_.line) return;
    is_sorted_ &= last.address <= row_.address;
  }
  rows.push_back(row_);
}

void LineProgram::EndSequence() {
  // An end may lie right behind the code.
  if (code_.IsCode(row_.address - 1)) {
    if (rows.size() > sequence_begin_) is_sorted_ &= rows.back().address <= row_.address;
    rows.push_back({row_.address, 0, 0, true});
  }
  if (rows.size() > sequence_begin_) sequences_.push_back({sequence_begin_, rows.size()});
  sequence_begin_ = rows.size();
  row_ = {0, 1, 1, false};
}

// A linker puts the sequences of one table here and there, but each one's rows follow each other:
// as a rule it is enough to order the sequences.
void LineProgram::Sort() {
  std::stable_sort(sequences_.begin(), sequences_.end(),
                   [this](const Sequence& left, const Sequence& right) {
                     return rows[left.begin].address < rows[right.begin].address;
                   });
  std::vector<LineRow> ordered;
  ordered.reserve(rows.size());
  for (const Sequence& sequence : sequences_) {
    const LineRow& first = rows[sequence.begin];
    is_sorted_ &= ordered.empty() || ordered.back().address <= first.address;
    ordered.insert(ordered.end(), rows.begin() + static_cast<std::ptrdiff_t>(sequence.begin),
                   rows.begin() + static_cast<std::ptrdiff_t>(sequence.end));
  }
  rows = std::move(ordered);
  if (!is_sorted_) std::stable_sort(rows.begin(), rows.end(), IsBefore);
}

}  // namespace limpet
