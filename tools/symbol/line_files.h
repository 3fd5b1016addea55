// The names of the files of one line table, by their numbers in its rows and in DW_AT_call_file.
//
// Paths are put together when they are asked for: what a file claims to be thousands of long paths
// takes no memory. The texts lie in the image, which must outlive the object.
//
// Runs: companion.  Threads: any once it is read.  Allocates: yes.
#pragma once

#include <libelf.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/symbol/byte_reader.h"

namespace limpet {

// How wide the numbers of a line table are.
struct LineFormat {
  std::uint64_t version = 0;
  std::size_t offset_bytes = 4;  // 8 in 64-bit DWARF
};

class LineFiles {
 public:
  // `unit_directory` is the unit's DW_AT_comp_dir, may be empty.
  explicit LineFiles(std::string unit_directory) : unit_directory_(std::move(unit_directory)) {}

  // Reads both tables of the header, `elf` for the sections that it refers to. False: broken, or of
  // a form nobody writes.
  bool Read(Elf* elf, const LineFormat& format, ByteReader& header);

  // A file that the program itself adds (DW_LNE_define_file), also one of the table before DWARF 5.
  bool ReadEntry(ByteReader& reader);

  // Absolute where the compiler's directory is known; empty: unknown.
  std::string Path(std::size_t number) const;
  std::size_t HeldBytes() const;

 private:
  struct File {
    std::string_view name;
    std::uint32_t directory = 0;
  };
  struct Sections;

  bool ReadOld(ByteReader& header);
  bool ReadTable(const Sections& sections, const LineFormat& format, ByteReader& header,
                 std::vector<File>& table);

  std::string unit_directory_;
  std::vector<File> directories_;  // each without a directory of its own
  std::vector<File> files_;
};

}  // namespace limpet
