// The line table of one compilation unit, as small as look-ups allow.
//
// libdw keeps 40 bytes for each row that the compiler wrote for a debugger to step through. Here is
// one of 12 for each change of file or line: a sixth of the memory. Nothing points into libdw.
//
// Runs: companion.  Threads: any, it never changes.  Allocates: yes.
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tools/symbol/elf_image.h"

namespace limpet {

class LineTable {
 public:
  struct Place {
    std::string file;  // absolute where the compiler's directory is known; empty: unknown
    int line = 0;      // 0: unknown
  };

  // `unit` is the top entry that states the table.
  // Rows outside of `code`, of functions which the linker dropped, are left out.
  LineTable(Dwarf_Die unit, const ElfImage& code);

  Place Find(std::uint64_t address) const;
  // The path of a file by its number in DW_AT_call_file.
  std::string FileName(std::size_t number) const;

  std::size_t HeldBytes() const;
  // What libdw keeps of it until the file is reopened.
  std::size_t DecodedBytes() const { return decoded_bytes_; }

 private:
  struct Row {
    std::uint32_t address;  // from base_
    std::uint32_t file;
    std::int32_t line;
  };

  void ReadFiles(Dwarf_Die unit);
  void ReadRows(Dwarf_Lines* lines, std::size_t count, const ElfImage& code);
  void Append(std::uint64_t address, std::uint32_t file, std::int32_t line);

  std::uint64_t base_ = 0;
  std::vector<Row> rows_;  // sorted; each reaches to the next one's address
  std::vector<std::string> files_;
  std::size_t decoded_bytes_ = 0;
};

}  // namespace limpet
