#include "tools/symbol/function_tree.h"

#include <dwarf.h>

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

// Which functions are around the next entry, outermost first.
class Surroundings {
 public:
  std::uint32_t Innermost() const { return open_.empty() ? FunctionTree::kNone : open_.back().id; }
  std::uint32_t count() const { return static_cast<std::uint32_t>(open_.size()); }

  void Leave(std::uint32_t depth) {
    while (!open_.empty() && open_.back().depth >= depth) open_.pop_back();
  }
  void Enter(std::uint32_t id, std::uint32_t depth) { open_.push_back({id, depth}); }

 private:
  struct Open {
    std::uint32_t id;
    std::uint32_t depth;
  };
  std::vector<Open> open_;
};

}  // namespace

FunctionTree::FunctionTree(Dwarf_Die unit, const ElfImage& code) {
  Dwarf* dwarf = dwarf_cu_getdwarf(unit.cu);
  const Dwarf_Off top = dwarf_dieoffset(&unit);
  std::vector<IntervalIndex::Interval> intervals;
  Surroundings around;
  for (const FunctionEntry& entry : ScanFunctions(unit)) {
    around.Leave(entry.depth);
    Dwarf_Die die;
    if (dwarf_offdie(dwarf, entry.offset, &die) == nullptr) continue;
    const auto self = static_cast<std::uint32_t>(functions_.size());
    const std::size_t before = intervals.size();
    ForEachRange(die, code, [&](std::uint64_t begin, std::uint64_t end) {
      intervals.push_back({begin, end, self, around.count()});
    });
    if (intervals.size() == before) continue;
    Function function{static_cast<std::uint32_t>(entry.offset - top), kNone, 0, 0};
    // A subprogram inside another one (a lambda, a nested function) is not inlined there.
    if (entry.is_inlined) {
      function.caller = around.Innermost();
      function.call_file = ReadNumber(die, DW_AT_call_file);
      function.call_line = ReadNumber(die, DW_AT_call_line);
    }
    functions_.push_back(function);
    around.Enter(self, entry.depth);
  }
  functions_.shrink_to_fit();
  index_ = IntervalIndex(std::move(intervals));
}

}  // namespace limpet
