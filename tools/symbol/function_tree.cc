#include "tools/symbol/function_tree.h"

#include <utility>

#include "tools/symbol/die_ranges.h"
#include "tools/symbol/die_scan.h"

namespace limpet {
namespace {

// What is around the entries below one.
struct Nesting {
  std::uint32_t function;  // the innermost one with code
  std::uint32_t rank;      // how many there are
};

constexpr Nesting kOfAnother = {FunctionTree::kNone, 0};

}  // namespace

FunctionTree::FunctionTree(Dwarf_Die unit, const ElfImage& code) {
  const Dwarf_Off top = dwarf_dieoffset(&unit);
  const std::vector<FunctionEntry> entries = ScanFunctions(unit);
  functions_.reserve(entries.size());
  for (const FunctionEntry& entry : entries) {
    functions_.push_back(
        {static_cast<std::uint32_t>(entry.offset - top), entry.parent, entry.is_inlined});
  }
  KeepPhysical(unit, code);
}

// A subprogram inside another one (a lambda, a nested function) is not inlined there: its code lies
// elsewhere.
void FunctionTree::KeepPhysical(Dwarf_Die unit, const ElfImage& code) {
  std::vector<IntervalIndex::Interval> intervals;
  std::vector<std::uint32_t> ranks(functions_.size());
  for (std::uint32_t at = 0; at < functions_.size(); ++at) {
    const Function& function = functions_[at];
    if (function.around != kNone) ranks[at] = ranks[function.around] + 1;
    if (function.is_inlined) continue;
    Dwarf_Die die = EntryOf(at, unit);
    ForEachRange(die, code, [&](std::uint64_t begin, std::uint64_t end) {
      intervals.push_back({begin, end, at, ranks[at]});
    });
  }
  index_ = IntervalIndex(std::move(intervals));
}

// Without the search for its unit that dwarf_offdie makes; libdw checks that it lies inside.
Dwarf_Die FunctionTree::EntryOf(std::uint32_t function, const Dwarf_Die& unit) const {
  Dwarf_Die entry = {};
  entry.addr = static_cast<char*>(unit.addr) + functions_[function].offset;
  entry.cu = unit.cu;
  return entry;
}

std::uint32_t FunctionTree::Find(std::uint64_t address, Dwarf_Die unit, const ElfImage& code) {
  const std::uint32_t outer = index_.Find(address);
  if (outer == kNone) return kNone;
  const auto [known, is_new] = inlined_.try_emplace(outer);
  if (is_new) {
    known->second = ReadInlined(outer, unit, code);
    inlined_bytes_ += sizeof(*known) + known->second.HeldBytes();
  }
  const std::uint32_t inner = known->second.Find(address);
  return inner == kNone ? outer : inner;
}

IntervalIndex FunctionTree::ReadInlined(std::uint32_t outer, Dwarf_Die unit, const ElfImage& code) {
  std::vector<IntervalIndex::Interval> intervals;
  std::vector<Nesting> nestings = {{outer, 1}};  // below each entry from `outer` on
  for (std::uint32_t at = outer + 1; at < functions_.size(); ++at) {
    Function& function = functions_[at];
    if (function.around < outer || function.around == kNone) break;
    const Nesting around = function.is_inlined ? nestings[function.around - outer] : kOfAnother;
    nestings.push_back(around);
    if (around.rank == 0) continue;
    function.around = around.function;
    const std::size_t before = intervals.size();
    Dwarf_Die die = EntryOf(at, unit);
    ForEachRange(die, code, [&](std::uint64_t begin, std::uint64_t end) {
      intervals.push_back({begin, end, at, around.rank});
    });
    if (intervals.size() != before) nestings.back() = {at, around.rank + 1};
  }
  return IntervalIndex(std::move(intervals));
}

}  // namespace limpet
