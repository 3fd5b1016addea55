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

LineTable::LineTable(Dwarf_Die unit, const ElfImage& code) {
  Dwarf_Lines* lines = nullptr;
  std::size_t count = 0;
  if (dwarf_getsrclines(&unit, &lines, &count) == 0) ReadRows(lines, count, code);
  ReadFiles(unit);
}

LineTable::Place LineTable::Find(std::uint64_t address) const {
  if (address < base_) return {};
  const auto after =
      std::upper_bound(rows_.begin(), rows_.end(), address - base_,
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
  for (const std::string& file : files_) bytes += sizeof(std::string) + file.capacity();
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

// libdw has sorted them by address, rows of one address in the order of the program: the last
// counts.
void LineTable::ReadRows(Dwarf_Lines* lines, std::size_t count, const ElfImage& code) {
  decoded_bytes_ = count * kDecodedRowBytes;
  for (std::size_t index = 0; index < count; ++index) {
    Dwarf_Line* row = dwarf_onesrcline(lines, index);
    std::uint64_t address = 0;
    bool is_end = false;
    int line = 0;
    if (dwarf_lineaddr(row, &address) != 0 || dwarf_lineendsequence(row, &is_end) != 0) continue;
    // An end may lie right behind the code.
    if (!code.IsCode(is_end ? address - 1 : address)) continue;
    if (is_end || dwarf_lineno(row, &line) != 0) line = 0;
    Append(address, is_end ? kNoFile : FileNumber(row), line);
  }
  rows_.shrink_to_fit();
}

void LineTable::Append(std::uint64_t address, std::uint32_t file, std::int32_t line) {
  if (rows_.empty()) base_ = address;
  const std::uint64_t offset = address - base_;
  if (offset > std::numeric_limits<std::uint32_t>::max()) return;
  if (!rows_.empty() && rows_.back().address == offset) rows_.pop_back();
  if (!rows_.empty() && rows_.back().file == file && rows_.back().line == line) return;
  rows_.push_back({static_cast<std::uint32_t>(offset), file, line});
}

}  // namespace limpet
