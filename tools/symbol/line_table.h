// The line table of one compilation unit, as small as look-ups allow.
//
// One row of 12 bytes for each change of file or line. Nothing points into libdw.
//
// Runs: companion.  Threads: any, it never changes.  Allocates: yes.
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tools/symbol/elf_image.h"
#include "tools/symbol/line_files.h"
#include "tools/symbol/line_program.h"

namespace limpet {

class LineTable {
 public:
  struct Place {
    std::string file;  // absolute where the compiler's directory is known; empty: unknown
    int line = 0;      // 0: unknown
  };

  // `unit` is the top entry that states the table. Its file, and what is unpacked of it, must
  // outlive the table. Rows outside of `code` are left out.
  LineTable(Dwarf_Die unit, const ElfImage& code);

  Place Find(std::uint64_t address) const;
  // The path of a file by its number in DW_AT_call_file.
  std::string FileName(std::size_t number) const { return files_.Path(number); }

  std::size_t HeldBytes() const { return rows_.size() * sizeof(Row) + files_.HeldBytes(); }

 private:
  struct Row {
    std::uint32_t address;  // from base_
    std::uint32_t file;
    std::int32_t line;
  };

  void Append(const LineRow& row);

  std::uint64_t base_ = 0;
  std::vector<Row> rows_;  // sorted; each reaches to the next one's address
  LineFiles files_;
};

}  // namespace limpet
