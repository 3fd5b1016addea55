#include "tools/symbol/function_tree.h"

#include <dwarf.h>

#include <utility>

#include "tools/symbol/die_ranges.h"
#include "tools/symbol/die_scan.h"

namespace limpet {
namespace {

std::uint32_t ReadNumber(Dwarf_Die& die, unsigned int kind) {
  Dwarf_Attribute attribute;
  Dwarf_Word number = 0;
  if (dwarf_formudata(dwarf_attr(&die, kind, &attribute), &number) != 0) return 0;
  return number > INT32_MAX ? 0 : static_cast<std::uint32_t>(number);
}

}  // namespace

class FunctionTree::Builder {
 public:
  Builder(Dwarf_Die unit, const ElfImage& code)
      : dwarf_(dwarf_cu_getdwarf(unit.cu)), top_(dwarf_dieoffset(&unit)), code_(code) {
    const std::vector<FunctionEntry> entries = ScanFunctions(unit);
    innermost_.reserve(entries.size());
    for (const FunctionEntry& entry : entries) {
      const bool is_outer = entry.parent == FunctionEntry::kNone;
      innermost_.push_back(Add(entry, is_outer ? Nesting() : innermost_[entry.parent]));
    }
  }

  std::vector<Function> functions;
  std::vector<IntervalIndex::Interval> intervals;

 private:
  struct Nesting {
    std::uint32_t function = kNone;  // the innermost one with code
    std::uint32_t rank = 0;          // how many there are around
  };

  // Adds the entry's function if it has code; returns what is around the entries below it.
  Nesting Add(const FunctionEntry& entry, Nesting around) {
    Dwarf_Die die;
    if (dwarf_offdie(dwarf_, entry.offset, &die) == nullptr) return around;
    const Nesting below = {static_cast<std::uint32_t>(functions.size()), around.rank + 1};
    const std::size_t before = intervals.size();
    ForEachRange(die, code_, [&](std::uint64_t begin, std::uint64_t end) {
      intervals.push_back({begin, end, below.function, below.rank});
    });
    if (intervals.size() == before) return around;
    Function function = {static_cast<std::uint32_t>(entry.offset - top_), kNone, 0, 0};
    // A subprogram inside another one (a lambda, a nested function) is not inlined there.
    if (entry.is_inlined) {
      function.caller = around.function;
      function.call_file = ReadNumber(die, DW_AT_call_file);
      function.call_line = ReadNumber(die, DW_AT_call_line);
    }
    functions.push_back(function);
    return below;
  }

  Dwarf* dwarf_;
  Dwarf_Off top_;
  const ElfImage& code_;
  std::vector<Nesting> innermost_;  // for each entry: around those below it
};

FunctionTree::FunctionTree(Dwarf_Die unit, const ElfImage& code) {
  Builder builder(unit, code);
  functions_ = std::move(builder.functions);
  functions_.shrink_to_fit();
  index_ = IntervalIndex(std::move(builder.intervals));
}

}  // namespace limpet
