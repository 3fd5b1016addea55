#include "tools/symbol/die_scan.h"

#include <dwarf.h>

#include <algorithm>
#include <span>

#include "tools/symbol/abbreviation_table.h"
#include "tools/symbol/byte_reader.h"

namespace limpet {
namespace {

// How many bytes of the section that holds `address` follow it.
std::size_t BytesLeft(Elf* elf, const void* address) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  for (Elf_Scn* section = elf_nextscn(elf, nullptr); section != nullptr;
       section = elf_nextscn(elf, section)) {
    const Elf_Data* content = elf_rawdata(section, nullptr);
    if (content == nullptr || content->d_buf == nullptr) continue;
    const auto begin = reinterpret_cast<std::uintptr_t>(content->d_buf);
    if (begin <= wanted && wanted < begin + content->d_size)
      return begin + content->d_size - wanted;
  }
  return 0;
}

// The bytes of the unit's entries, from its top entry on.
std::span<const std::uint8_t> EntryBytes(Dwarf_Die unit) {
  Dwarf* dwarf = dwarf_cu_getdwarf(unit.cu);
  const Dwarf_Off top = dwarf_dieoffset(&unit);
  Dwarf_Off next = 0;
  if (dwarf_next_unit(dwarf, top - dwarf_cuoffset(&unit), &next, nullptr, nullptr, nullptr, nullptr,
                      nullptr, nullptr, nullptr) != 0) {
    return {};
  }
  // The header's length is a claim; the section is a fact.
  const std::size_t left = BytesLeft(dwarf_getelf(dwarf), unit.addr);
  return {static_cast<const std::uint8_t*>(unit.addr),
          next > top ? std::min<std::size_t>(next - top, left) : 0};
}

class DieScan {
 public:
  explicit DieScan(Dwarf_Die unit)
      : begin_(dwarf_dieoffset(&unit)), abbreviations_(unit), reader_(EntryBytes(unit)) {}

  std::vector<FunctionEntry> Run() {
    while (ReadEntry()) {
    }
    return std::move(functions_);
  }

 private:
  bool ReadEntry() {
    const Dwarf_Off offset = begin_ + reader_.position();
    std::uint64_t code = 0;
    if (!reader_.ReadLeb(code)) return false;
    if (code == 0) return LeaveChildren();
    const Abbreviation* entry = abbreviations_.Find(code);
    if (entry == nullptr || !entry->is_known || !SkipAll(entry->steps)) return false;
    const bool is_inlined = entry->tag == DW_TAG_inlined_subroutine;
    const bool is_function = is_inlined || entry->tag == DW_TAG_subprogram;
    if (is_function && entry->states_code) AddFunction(offset, is_inlined, entry->has_children);
    if (entry->has_children) ++depth_;
    return depth_ > 0;
  }

  // False: those were the children of the unit's top entry.
  bool LeaveChildren() {
    if (depth_ == 0 || --depth_ == 0) return false;
    if (!around_.empty() && around_.back().depth == depth_) around_.pop_back();
    return true;
  }

  void AddFunction(Dwarf_Off offset, bool is_inlined, bool has_children) {
    const auto position = static_cast<std::uint32_t>(functions_.size());
    const std::uint32_t parent = around_.empty() ? FunctionEntry::kNone : around_.back().position;
    functions_.push_back({offset, parent, is_inlined});
    if (has_children) around_.push_back({position, depth_});
  }

  bool SkipAll(const std::vector<SkipStep>& steps) {
    for (const SkipStep& step : steps) {
      if (!reader_.Skip(step.bytes) || !SkipVariable(step.then)) return false;
    }
    return true;
  }

  bool SkipVariable(SkipStep::Kind kind) {
    std::uint64_t size = 0;
    switch (kind) {
      case SkipStep::kNothing:
        return true;
      case SkipStep::kLeb:
        return reader_.ReadLeb(size);
      case SkipStep::kString:
        return reader_.SkipString();
      case SkipStep::kBlock1:
        return reader_.ReadNumber(1, size) && reader_.Skip(size);
      case SkipStep::kBlock2:
        return reader_.ReadNumber(2, size) && reader_.Skip(size);
      case SkipStep::kBlock4:
        return reader_.ReadNumber(4, size) && reader_.Skip(size);
      case SkipStep::kBlock:
        return reader_.ReadLeb(size) && reader_.Skip(size);
      case SkipStep::kIndirect:
        return SkipIndirect();
    }
    return false;
  }

  // The form stands in the entry. One that says "indirect" again would recurse without end.
  bool SkipIndirect() {
    std::uint64_t form = 0;
    std::vector<SkipStep> steps;
    if (!reader_.ReadLeb(form) || form > UINT16_MAX || form == DW_FORM_indirect) return false;
    return abbreviations_.AppendForm(static_cast<unsigned int>(form), steps) && SkipAll(steps);
  }

  struct Surrounding {
    std::uint32_t position;  // in functions_
    std::uint32_t depth;     // of its entry
  };

  Dwarf_Off begin_;
  AbbreviationTable abbreviations_;
  ByteReader reader_;
  std::uint32_t depth_ = 0;
  std::vector<Surrounding> around_;  // whose children are being read, outermost first
  std::vector<FunctionEntry> functions_;
};

}  // namespace

std::vector<FunctionEntry> ScanFunctions(Dwarf_Die unit) { return DieScan(unit).Run(); }

}  // namespace limpet
