// Says the same as libdw's own line table, about every row of programs of several shapes.
#include "tools/symbol/line_table.h"

#include <dwarf.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "tools/symbol/dwarf_file.h"

namespace limpet {
namespace {

struct Expected {
  std::string file;
  int line;
  bool is_behind_end;
};

std::string Absolute(const char* path, Dwarf_Die& unit) {
  Dwarf_Attribute attribute;
  const char* directory = dwarf_formstring(dwarf_attr(&unit, DW_AT_comp_dir, &attribute));
  if (path == nullptr) return "";
  return *path == '/' || directory == nullptr ? path : std::string(directory) + "/" + path;
}

// By address: of several rows the last one counts, as libdw sorts them.
std::map<std::uint64_t, Expected> RowsOfLibdw(Dwarf_Die unit, const ElfImage& code) {
  std::map<std::uint64_t, Expected> rows;
  Dwarf_Lines* lines = nullptr;
  std::size_t count = 0;
  if (dwarf_getsrclines(&unit, &lines, &count) != 0) return rows;
  for (std::size_t index = 0; index < count; ++index) {
    Dwarf_Line* row = dwarf_onesrcline(lines, index);
    std::uint64_t address = 0;
    bool is_end = false;
    int line = 0;
    dwarf_lineaddr(row, &address);
    dwarf_lineendsequence(row, &is_end);
    dwarf_lineno(row, &line);
    if (!code.IsCode(is_end ? address - 1 : address)) continue;
    const bool is_behind_end = is_end || rows[address].is_behind_end;
    rows[address] = {is_end ? "" : Absolute(dwarf_linesrc(row, nullptr, nullptr), unit),
                     is_end ? 0 : line, is_behind_end};
  }
  return rows;
}

void ExpectSameFiles(const LineTable& table, Dwarf_Die unit) {
  Dwarf_Files* files = nullptr;
  std::size_t count = 0;
  ASSERT_EQ(dwarf_getsrcfiles(&unit, &files, &count), 0);
  // Before DWARF 5 there is no file 0; libdw calls it "???".
  for (std::size_t number = 0; number < count; ++number) {
    const char* name = dwarf_filesrc(files, number, nullptr, nullptr);
    const bool is_none = name != nullptr && std::string(name) == "???";
    EXPECT_EQ(table.FileName(number), is_none ? "" : Absolute(name, unit)) << number;
  }
  EXPECT_EQ(table.FileName(count), "");
}

class LineTableOf : public ::testing::TestWithParam<const char*> {};

TEST_P(LineTableOf, SaysWhatLibdwSays) {
  if (*GetParam() == '\0') GTEST_SKIP() << "this machine cannot make it";
  const auto image = ElfImage::Open(GetParam(), "");
  ASSERT_TRUE(image.ok());
  const auto file = DwarfFile::Open(**image, DebugPlace{"", "/nowhere"});
  ASSERT_TRUE(file.ok());
  std::size_t rows = 0;
  Dwarf_CU* unit = nullptr;
  Dwarf_Die top;
  while (dwarf_get_units((*file)->dwarf(), unit, &unit, nullptr, nullptr, &top, nullptr) == 0) {
    const LineTable table(top, **image);
    ExpectSameFiles(table, top);
    for (const auto& [address, expected] : RowsOfLibdw(top, **image)) {
      const LineTable::Place place = table.Find(address);
      ++rows;
      // The last row of a function may lie right behind it; libdw takes it for what follows.
      if (expected.is_behind_end && place.file.empty()) continue;
      EXPECT_EQ(place.file, expected.file) << std::hex << address;
      EXPECT_EQ(place.line, expected.line) << std::hex << address;
    }
  }
  EXPECT_GT(rows, 20U);
}

INSTANTIATE_TEST_SUITE_P(Dwarf5, LineTableOf, ::testing::Values(LIMPET_TEST_DWARF5_PROGRAM));
INSTANTIATE_TEST_SUITE_P(Dwarf4, LineTableOf, ::testing::Values(LIMPET_TEST_DWARF4_PROGRAM));
INSTANTIATE_TEST_SUITE_P(Split, LineTableOf, ::testing::Values(LIMPET_TEST_SPLIT_PROGRAM));
INSTANTIATE_TEST_SUITE_P(Clang, LineTableOf, ::testing::Values(LIMPET_TEST_CLANG_PROGRAM));
INSTANTIATE_TEST_SUITE_P(Rust, LineTableOf, ::testing::Values(LIMPET_TEST_RUST_PROGRAM));
INSTANTIATE_TEST_SUITE_P(Zlib, LineTableOf, ::testing::Values(LIMPET_TEST_COMPRESSED_PROGRAM));
INSTANTIATE_TEST_SUITE_P(ThisTest, LineTableOf, ::testing::Values("/proc/self/exe"));

}  // namespace
}  // namespace limpet
