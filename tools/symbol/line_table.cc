#include "tools/symbol/line_table.h"

#include <dwarf.h>

#include <algorithm>
#include <limits>

namespace limpet {
namespace {

constexpr std::size_t kDecodedRowBytes = 40;
constexpr std::uint32_t kNoFile = std::numeric_limits<std::uint32_t>::max();

std::string AbsolutePath(const char* path, const char* directory) {
  if (path == nullptr) return "";
  if (*path == '/' || directory == nullptr) return path;
  return std::string(directory) + "/" + path;
}

std::uint32_t FileNumber(Dwarf_Line* line) {
  Dwarf_Files* files = nullptr;
  std::size_t number = 0;
  if (dwarf_line_file(line, &files, &number) != 0) return kNoFile;
  return static_cast<std::uint32_t>(std::min<std::size_t>(number, kNoFile));
}

}  // namespace

LineTable::LineTable(Dwarf_Die unit) {
  Dwarf_Lines* lines = nullptr;
  std::size_t count = 0;
  if (dwarf_getsrclines(&unit, &lines, &count) == 0) ReadRows(lines, count);
  ReadFiles(unit);
}

LineTable::Place LineTable::Find(std::uint64_t address) const {
  const auto after =
      std::upper_bound(rows_.begin(), rows_.end(), address,
                       [](std::uint64_t wanted, const Row& row) { return wanted < row.address; });
  if (after == rows_.begin()) return {};
  const Row& row = *std::prev(after);
  return {FileName(row.file), row.line};
}

std::string LineTable::FileName(std::size_t number) const {
  return number < files_.size() ? files_[number] : "";
}

std::size_t LineTable::HeldBytes() const {
  std::size_t bytes = rows_.size() * sizeof(Row);
  for (const std::string& file : files_) bytes += sizeof(file) + file.capacity();
  return bytes;
}

void LineTable::ReadFiles(Dwarf_Die unit) {
  Dwarf_Files* files = nullptr;
  std::size_t count = 0;
  if (dwarf_getsrcfiles(&unit, &files, &count) != 0) return;
  Dwarf_Attribute attribute;
  const char* directory = dwarf_formstring(dwarf_attr(&unit, DW_AT_comp_dir, &attribute));
  files_.reserve(count);
  for (std::size_t number = 0; number < count; ++number) {
    files_.push_back(AbsolutePath(dwarf_filesrc(files, number, nullptr, nullptr), directory));
  }
}

// libdw has sorted them by address, rows of one address in the order of the program: the last counts.
void LineTable::ReadRows(Dwarf_Lines* lines, std::size_t count) {
  decoded_bytes_ = count * kDecodedRowBytes;
  for (std::size_t index = 0; index < count; ++index) {
    Dwarf_Line* line = dwarf_onesrcline(lines, index);
    Row row = {0, kNoFile, 0};
    bool is_end = false;
    if (dwarf_lineaddr(line, &row.address) != 0) continue;
    if (dwarf_lineendsequence(line, &is_end) == 0 && !is_end) {
      row.file = FileNumber(line);
      if (dwarf_lineno(line, &row.line) != 0) row.line = 0;
    }
    Append(row);
  }
  rows_.shrink_to_fit();
}

void LineTable::Append(Row row) {
  if (!rows_.empty() && rows_.back().address == row.address) rows_.pop_back();
  const bool is_same =
      !rows_.empty() && rows_.back().file == row.file && rows_.back().line == row.line;
  if (!is_same) rows_.push_back(row);
}

}  // namespace limpet
