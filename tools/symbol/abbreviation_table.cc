#include "tools/symbol/abbreviation_table.h"

#include <dwarf.h>

#include <utility>

namespace limpet {
namespace {

void AppendBytes(std::uint32_t bytes, std::vector<SkipStep>& steps) {
  if (steps.empty() || steps.back().then != SkipStep::kNothing) steps.emplace_back();
  steps.back().bytes += bytes;
}

void AppendVariable(SkipStep::Kind kind, std::vector<SkipStep>& steps) {
  AppendBytes(0, steps);
  steps.back().then = kind;
}

// The sizes of the forms that have one, whatever the unit; -1: others.
int FixedSize(unsigned int form) {
  switch (form) {
    case DW_FORM_flag_present:
    case DW_FORM_implicit_const:
      return 0;
    case DW_FORM_data1:
    case DW_FORM_ref1:
    case DW_FORM_flag:
    case DW_FORM_strx1:
    case DW_FORM_addrx1:
      return 1;
    case DW_FORM_data2:
    case DW_FORM_ref2:
    case DW_FORM_strx2:
    case DW_FORM_addrx2:
      return 2;
    case DW_FORM_strx3:
    case DW_FORM_addrx3:
      return 3;
    case DW_FORM_data4:
    case DW_FORM_ref4:
    case DW_FORM_ref_sup4:
    case DW_FORM_strx4:
    case DW_FORM_addrx4:
      return 4;
    case DW_FORM_data8:
    case DW_FORM_ref8:
    case DW_FORM_ref_sig8:
    case DW_FORM_ref_sup8:
      return 8;
    case DW_FORM_data16:
      return 16;
    default:
      return -1;
  }
}

// The forms whose size stands in the entry; kNothing: others.
SkipStep::Kind VariableKind(unsigned int form) {
  switch (form) {
    case DW_FORM_sdata:
    case DW_FORM_udata:
    case DW_FORM_ref_udata:
    case DW_FORM_strx:
    case DW_FORM_addrx:
    case DW_FORM_loclistx:
    case DW_FORM_rnglistx:
    case DW_FORM_GNU_addr_index:
    case DW_FORM_GNU_str_index:
      return SkipStep::kLeb;
    case DW_FORM_string:
      return SkipStep::kString;
    case DW_FORM_block1:
      return SkipStep::kBlock1;
    case DW_FORM_block2:
      return SkipStep::kBlock2;
    case DW_FORM_block4:
      return SkipStep::kBlock4;
    case DW_FORM_block:
    case DW_FORM_exprloc:
      return SkipStep::kBlock;
    case DW_FORM_indirect:
      return SkipStep::kIndirect;
    default:
      return SkipStep::kNothing;
  }
}

bool IsOffset(unsigned int form) {
  return form == DW_FORM_strp || form == DW_FORM_line_strp || form == DW_FORM_sec_offset ||
         form == DW_FORM_strp_sup || form == DW_FORM_GNU_ref_alt || form == DW_FORM_GNU_strp_alt;
}

}  // namespace

AbbreviationTable::AbbreviationTable(Dwarf_Die unit) {
  Dwarf_Half version = 0;
  Dwarf_Die top;
  if (dwarf_cu_die(unit.cu, &top, &version, nullptr, &address_bytes_, &offset_bytes_, nullptr,
                   nullptr) == nullptr) {
    return;
  }
  reference_bytes_ = version <= 2 ? address_bytes_ : offset_bytes_;
  Dwarf_Off offset = 0;
  std::size_t length = 0;
  for (;;) {
    Dwarf_Abbrev* abbreviation = dwarf_getabbrev(&unit, offset, &length);
    if (abbreviation == nullptr || abbreviation == DWARF_END_ABBREV || length == 0) return;
    Add(abbreviation);
    offset += length;
  }
}

const Abbreviation* AbbreviationTable::Find(std::uint64_t code) const {
  if (code - 1 < by_code_.size()) return &by_code_[code - 1];
  const auto found = others_.find(code);
  return found == others_.end() ? nullptr : &found->second;
}

bool AbbreviationTable::AppendForm(unsigned int form, std::vector<SkipStep>& steps) const {
  const int fixed = FixedSize(form);
  const SkipStep::Kind variable = VariableKind(form);
  if (fixed >= 0) {
    AppendBytes(static_cast<std::uint32_t>(fixed), steps);
  } else if (variable != SkipStep::kNothing) {
    AppendVariable(variable, steps);
  } else if (IsOffset(form)) {
    AppendBytes(offset_bytes_, steps);
  } else if (form == DW_FORM_addr) {
    AppendBytes(address_bytes_, steps);
  } else if (form == DW_FORM_ref_addr) {
    AppendBytes(reference_bytes_, steps);
  } else {
    return false;
  }
  return true;
}

void AbbreviationTable::Add(Dwarf_Abbrev* abbreviation) {
  Abbreviation known;
  known.tag = static_cast<int>(dwarf_getabbrevtag(abbreviation));
  known.has_children = dwarf_abbrevhaschildren(abbreviation) > 0;
  unsigned int name = 0;
  unsigned int form = 0;
  // Not dwarf_getattrcnt: of elfutils 0.188 it takes the number 0 in a DW_FORM_implicit_const for
  // the end. A pair of zeros is the end.
  for (std::size_t index = 0; known.is_known; ++index) {
    const int result =
        dwarf_getabbrevattr_data(abbreviation, index, &name, &form, nullptr, nullptr);
    if (result != 0 || form == 0) break;
    known.is_known = AppendForm(form, known.steps);
    known.states_code |= name == DW_AT_low_pc || name == DW_AT_ranges;
  }
  const std::uint64_t code = dwarf_getabbrevcode(abbreviation);
  if (code == by_code_.size() + 1) {
    by_code_.push_back(std::move(known));
  } else {
    others_.emplace(code, std::move(known));
  }
}

}  // namespace limpet
