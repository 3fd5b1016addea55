#include "tools/symbol/unit_table.h"

#include <dwarf.h>

#include "tools/symbol/die_ranges.h"

namespace limpet {
namespace {

// Each unit's top entry lies on another page, and the kernel maps more around it: 2 MiB where the
// page cache has huge pages. Without giving them back now and then, the pass would make the whole
// section resident.
constexpr std::size_t kUnitsPerDrop = 16;

bool MayHoldCode(int unit_type) {
  return unit_type == DW_UT_compile || unit_type == DW_UT_skeleton;
}

}  // namespace

UnitTable::UnitTable(const DwarfFile& file, const ElfImage& code) {
  std::vector<IntervalIndex::Interval> intervals;
  std::uint8_t type = 0;
  Dwarf_CU* unit = nullptr;
  Dwarf_Die top;
  std::size_t seen = 0;
  while (dwarf_get_units(file.dwarf(), unit, &unit, nullptr, &type, &top, nullptr) == 0) {
    if (++seen % kUnitsPerDrop == 0) file.DropPages();
    if (!MayHoldCode(type)) continue;
    const auto value = static_cast<std::uint32_t>(offsets_.size());
    offsets_.push_back(dwarf_dieoffset(&top));
    ForEachRange(top, code, [&](std::uint64_t begin, std::uint64_t end) {
      intervals.push_back({begin, end, value, 0});
    });
  }
  index_ = IntervalIndex(std::move(intervals));
}

std::optional<Dwarf_Off> UnitTable::Find(std::uint64_t address) const {
  const std::uint32_t found = index_.Find(address);
  if (found == IntervalIndex::kNone) return std::nullopt;
  return offsets_[found];
}

}  // namespace limpet
