// Runs the line number program of one compilation unit.
//
// libdw takes memory for every row, sorts them, and keeps them until the file is closed. Here the
// rows pass by once.
//
//   .debug_line  | length, version, ... | directories | files | program: opcodes -> rows |
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <libelf.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tools/symbol/byte_reader.h"
#include "tools/symbol/elf_image.h"
#include "tools/symbol/line_files.h"

namespace limpet {

struct LineRow {
  std::uint64_t address;
  std::uint32_t file;  // a number for LineFiles
  std::uint32_t line;
  bool is_end;  // the first address that does not belong to the function any more
};

class LineProgram {
 public:
  // The program at `offset` of .debug_line. Rows outside of `code`, of functions which the linker
  // dropped, are left out, and so is what lies behind something broken.
  LineProgram(Elf* elf, std::uint64_t offset, const std::string& unit_directory,
              const ElfImage& code);

  // Sorted by address; of one address, an end first, then in the order of the program.
  std::vector<LineRow> rows;
  LineFiles files;

 private:
  // A run of rows from an address on, as one function or section has it.
  struct Sequence {
    std::size_t begin;  // in rows
    std::size_t end;
  };

  bool ReadHeader(Elf* elf, ByteReader& table, ByteReader& program);
  bool Step(ByteReader& program);
  bool StepStandard(std::uint8_t opcode, ByteReader& program);
  bool StepExtended(ByteReader& program);
  void StepSpecial(std::uint8_t opcode);
  void Advance(std::uint64_t operations) { row_.address += operations * instruction_bytes_; }
  void Emit();
  void EndSequence();
  void Sort();

  const ElfImage& code_;
  LineFormat format_;
  std::uint8_t instruction_bytes_ = 1;
  std::int8_t line_base_ = 0;
  std::uint8_t line_range_ = 1;
  std::uint8_t opcode_base_ = 1;
  std::array<std::uint8_t, 256> operands_ = {};  // of each standard opcode
  LineRow row_ = {0, 1, 1, false};               // the registers
  bool is_sorted_ = true;                        // inside each sequence
  std::size_t sequence_begin_ = 0;
  std::vector<Sequence> sequences_;
};

}  // namespace limpet
