#include "tools/symbol/source_unit.h"

#include <dwarf.h>

#include <algorithm>
#include <utility>

#include "tools/symbol/demangle.h"

namespace limpet {
namespace {

// The top entry with the functions below it: the one in the .dwo file, if that exists.
Dwarf_Die WithFunctions(Dwarf_Die top) {
  std::uint8_t type = 0;
  Dwarf_Die split = {};
  const int result =
      dwarf_cu_info(top.cu, nullptr, &type, nullptr, &split, nullptr, nullptr, nullptr);
  return result == 0 && type == DW_UT_skeleton && split.addr != nullptr ? split : top;
}

std::uint32_t ReadNumber(Dwarf_Die& die, unsigned int kind) {
  Dwarf_Attribute attribute;
  Dwarf_Word number = 0;
  if (dwarf_formudata(dwarf_attr(&die, kind, &attribute), &number) != 0) return 0;
  return number > INT32_MAX ? 0 : static_cast<std::uint32_t>(number);
}

// A physical function without linkage name mostly has a symbol with one. Only a mangled one says
// more than the entry; of "name.constprop.0" the suffix would tear one function in two.
void PreferSymbol(Dwarf_Die function, const SymbolTable& symbols, FunctionName& name) {
  Dwarf_Addr begin = 0;
  if (dwarf_entrypc(&function, &begin) != 0) return;
  std::optional<FunctionSymbol> symbol = symbols.Find(begin);
  if (!symbol.has_value() || symbol->address != begin) return;
  if (!name.name.empty() && !IsMangled(symbol->name)) return;
  symbol->name.resize(std::min(symbol->name.find('.'), symbol->name.size()));
  name.name = Demangle(symbol->name);
  name.system_name = symbol->name;
}

}  // namespace

SourceUnit::SourceUnit(Dwarf_Die top, const ElfImage& code)
    : offset_(dwarf_dieoffset(&top)), tree_(WithFunctions(top), code), lines_(top, code) {}

std::vector<SourceFrame> SourceUnit::Resolve(std::uint64_t address, const DwarfFile& file,
                                             const ElfImage& code, const SymbolTable& symbols) {
  std::vector<SourceFrame> frames;
  Dwarf_Die top;
  if (dwarf_offdie(file.dwarf(), offset_, &top) == nullptr) return frames;
  const Dwarf_Die unit = WithFunctions(top);
  LineTable::Place place = lines_.Find(address);
  // Callers come before what is inlined into them, so this ends.
  for (std::uint32_t at = tree_.Find(address, unit, code); at != FunctionTree::kNone;
       at = tree_.CallerOf(at)) {
    const FunctionName& name = NameOf(at, unit, symbols);
    // An inlined function is nameless if what dwz moved away is not there: its call site still
    // counts.
    if (!name.name.empty()) {
      frames.push_back({name.name, name.system_name, place.file, place.line, name.start_line});
    }
    if (tree_.CallerOf(at) != FunctionTree::kNone) place = CallPlace(at, unit);
  }
  if (frames.empty() && !place.file.empty()) frames.push_back({"", "", place.file, place.line, 0});
  return frames;
}

LineTable::Place SourceUnit::CallPlace(std::uint32_t function, const Dwarf_Die& unit) const {
  Dwarf_Die die = tree_.EntryOf(function, unit);
  return {lines_.FileName(ReadNumber(die, DW_AT_call_file)),
          static_cast<int>(ReadNumber(die, DW_AT_call_line))};
}

const FunctionName& SourceUnit::NameOf(std::uint32_t function, const Dwarf_Die& unit,
                                       const SymbolTable& symbols) {
  const auto known = names_.find(function);
  if (known != names_.end()) return known->second;
  FunctionName name = ReadName(function, unit, symbols);
  name_bytes_ += sizeof(name) + name.name.capacity() + name.system_name.capacity();
  return names_.emplace(function, std::move(name)).first->second;
}

FunctionName SourceUnit::ReadName(std::uint32_t function, const Dwarf_Die& unit,
                                  const SymbolTable& symbols) const {
  const Dwarf_Die die = tree_.EntryOf(function, unit);
  FunctionName name = ReadFunctionName(die);
  if (!name.is_linkage_name && tree_.CallerOf(function) == FunctionTree::kNone) {
    PreferSymbol(die, symbols, name);
  }
  return name;
}

}  // namespace limpet
