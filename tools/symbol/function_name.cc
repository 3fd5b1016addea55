#include "tools/symbol/function_name.h"

#include <dwarf.h>

#include <vector>

#include "tools/symbol/demangle.h"

namespace limpet {
namespace {

constexpr int kMaxReferences = 16;
constexpr std::size_t kMaxScopes = 256;

std::string LinkageName(Dwarf_Die& die) {
  for (const unsigned int kind : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name}) {
    Dwarf_Attribute attribute;
    if (dwarf_attr_integrate(&die, kind, &attribute) == nullptr) continue;
    const char* name = dwarf_formstring(&attribute);
    if (name != nullptr) return name;
  }
  return "";
}

int StartLine(Dwarf_Die& die) {
  Dwarf_Attribute attribute;
  Dwarf_Word line = 0;
  if (dwarf_attr_integrate(&die, DW_AT_decl_line, &attribute) == nullptr) return 0;
  if (dwarf_formudata(&attribute, &line) != 0 || line > INT32_MAX) return 0;
  return static_cast<int>(line);
}

// Follows an inlined or out-of-line copy to the entry that stands inside the class or namespace.
Dwarf_Die Declaration(Dwarf_Die die) {
  for (int step = 0; step < kMaxReferences; ++step) {
    Dwarf_Attribute attribute;
    Dwarf_Die target;
    if (dwarf_attr(&die, DW_AT_abstract_origin, &attribute) == nullptr &&
        dwarf_attr(&die, DW_AT_specification, &attribute) == nullptr) {
      break;
    }
    if (dwarf_formref_die(&attribute, &target) == nullptr) break;
    die = target;
  }
  return die;
}

// The child of `parent` that is `target` or is around it: entries are in the order of the file, so
// it is the last one that does not lie behind.
bool ChildAround(Dwarf_Die parent, const Dwarf_Die& target, Dwarf_Die& child) {
  Dwarf_Die next;
  if (dwarf_child(&parent, &next) != 0) return false;
  bool found = false;
  while (next.addr <= target.addr) {
    child = next;
    found = true;
    if (child.addr == target.addr || dwarf_siblingof(&child, &next) != 0) break;
  }
  return found;
}

// The entries from the unit's children down to the one which directly contains `target`.
std::vector<Dwarf_Die> Scopes(const Dwarf_Die& target) {
  std::vector<Dwarf_Die> scopes;
  Dwarf_Die here = target;
  Dwarf_Die child;
  if (dwarf_diecu(&here, &here, nullptr, nullptr) == nullptr) return scopes;
  while (scopes.size() < kMaxScopes && ChildAround(here, target, child)) {
    if (child.addr == target.addr) return scopes;
    scopes.push_back(child);
    here = child;
  }
  return {};
}

bool HasNamespaces(Dwarf_Die unit) {
  switch (dwarf_srclang(&unit)) {
    case DW_LANG_C_plus_plus:
    case DW_LANG_C_plus_plus_03:
    case DW_LANG_C_plus_plus_11:
    case DW_LANG_C_plus_plus_14:
    case DW_LANG_Rust:
      return true;
    default:
      return false;
  }
}

std::string ScopeName(Dwarf_Die scope) {
  const int tag = dwarf_tag(&scope);
  if (tag == DW_TAG_lexical_block) return "";
  if (tag == DW_TAG_subprogram) {
    const std::string linkage_name = LinkageName(scope);
    if (!linkage_name.empty()) return Demangle(linkage_name) + "::";
  }
  const char* name = dwarf_diename(&scope);
  if (name != nullptr) return std::string(name) + "::";
  return tag == DW_TAG_namespace ? "(anonymous namespace)::" : "";
}

std::string QualifiedName(const Dwarf_Die& function, const char* name) {
  Dwarf_Die declaration = Declaration(function);
  Dwarf_Die unit;
  if (dwarf_diecu(&declaration, &unit, nullptr, nullptr) == nullptr || !HasNamespaces(unit)) {
    return name;
  }
  std::string qualified;
  for (const Dwarf_Die& scope : Scopes(declaration)) qualified += ScopeName(scope);
  return qualified + name;
}

}  // namespace

FunctionName ReadFunctionName(Dwarf_Die function) {
  FunctionName result;
  result.start_line = StartLine(function);
  result.system_name = LinkageName(function);
  result.is_linkage_name = !result.system_name.empty();
  if (result.is_linkage_name) {
    result.name = Demangle(result.system_name);
    return result;
  }
  const char* name = dwarf_diename(&function);
  if (name == nullptr) return result;
  result.name = QualifiedName(function, name);
  result.system_name = result.name;
  return result;
}

}  // namespace limpet
