#include "tools/symbol/line_table.h"

#include <dwarf.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace limpet {
namespace {

constexpr std::uint32_t kNoFile = std::numeric_limits<std::uint32_t>::max();

std::string Directory(Dwarf_Die unit) {
  Dwarf_Attribute attribute;
  const char* directory = dwarf_formstring(dwarf_attr(&unit, DW_AT_comp_dir, &attribute));
  return directory == nullptr ? "" : directory;
}

// A program that counts below zero has no such line.
std::int32_t LineNumber(std::uint32_t line) {
  return line > std::numeric_limits<std::int32_t>::max() ? 0 : static_cast<std::int32_t>(line);
}

}  // namespace

LineTable::LineTable(Dwarf_Die unit, const ElfImage& code) : files_("") {
  Dwarf_Attribute attribute;
  Dwarf_Word offset = 0;
  if (dwarf_formudata(dwarf_attr(&unit, DW_AT_stmt_list, &attribute), &offset) != 0) return;
  LineProgram program(dwarf_getelf(dwarf_cu_getdwarf(unit.cu)), offset, Directory(unit), code);
  for (const LineRow& row : program.rows) Append(row);
  rows_.shrink_to_fit();
  files_ = std::move(program.files);
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

// Of several rows of one address the last counts.
void LineTable::Append(const LineRow& row) {
  if (rows_.empty()) base_ = row.address;
  const std::uint64_t offset = row.address - base_;
  if (offset > std::numeric_limits<std::uint32_t>::max()) return;
  const Row kept = {static_cast<std::uint32_t>(offset), row.is_end ? kNoFile : row.file,
                    row.is_end ? 0 : LineNumber(row.line)};
  if (!rows_.empty() && rows_.back().address == kept.address) rows_.pop_back();
  if (!rows_.empty() && rows_.back().file == kept.file && rows_.back().line == kept.line) return;
  rows_.push_back(kept);
}

}  // namespace limpet
