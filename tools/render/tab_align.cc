#include "tools/render/tab_align.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "absl/strings/str_split.h"

namespace limpet {
namespace {

constexpr std::size_t kTabWidth = 8;
constexpr std::size_t kPadding = 1;

using Cells = std::vector<std::string>;  // the last cell is not ended by a tab: it takes no part

// Letters, not bytes.
std::size_t Width(const std::string& cell) {
  return static_cast<std::size_t>(std::count_if(cell.begin(), cell.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
  }));
}

bool HasCell(const Cells& row, std::size_t column) { return column + 1 < row.size(); }

// Tabs that fill a cell up to its column's end.
std::size_t TabsAfter(std::size_t cell_width, std::size_t column_width) {
  const std::size_t end = (column_width + kTabWidth - 1) / kTabWidth * kTabWidth;
  return (end - cell_width + kTabWidth - 1) / kTabWidth;
}

// Pads one column. A block is a run of rows that have a cell there; each block has its own width.
void AlignColumn(std::vector<Cells>& rows, std::size_t column) {
  for (std::size_t first = 0; first < rows.size();) {
    std::size_t end = first;
    std::size_t width = 1;
    for (; end < rows.size() && HasCell(rows[end], column); ++end) {
      width = std::max(width, Width(rows[end][column]) + kPadding);
    }
    for (std::size_t row = first; row < end; ++row) {
      std::string& cell = rows[row][column];
      cell.append(TabsAfter(Width(cell), width), '\t');
    }
    first = std::max(end, first + 1);
  }
}

}  // namespace

std::string AlignTabs(const std::string& text) {
  std::vector<Cells> rows;
  std::size_t columns = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    rows.push_back(absl::StrSplit(line, '\t'));
    columns = std::max(columns, rows.back().size());
  }
  for (std::size_t column = 0; column + 1 < columns; ++column) AlignColumn(rows, column);

  std::string aligned;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    if (row != 0) aligned += '\n';
    for (const std::string& cell : rows[row]) aligned += cell;
  }
  return aligned;
}

}  // namespace limpet
