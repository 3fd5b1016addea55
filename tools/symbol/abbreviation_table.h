// How to step over the entries of one compilation unit: each abbreviation as a list of sizes.
//
// Runs: companion.  Threads: one at a time.  Allocates: yes.
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace limpet {

// What has to be skipped of an entry: so many bytes, then one value whose size is in the entry.
struct SkipStep {
  enum Kind : std::uint8_t {
    kNothing,
    kLeb,
    kString,
    kBlock1,
    kBlock2,
    kBlock4,
    kBlock,
    kIndirect
  };
  std::uint32_t bytes = 0;
  Kind then = kNothing;
};

struct Abbreviation {
  int tag = 0;
  bool has_children = false;
  bool states_code = false;  // DW_AT_low_pc or DW_AT_ranges
  bool is_known = true;      // false: a form of a later DWARF, its size unknown
  std::vector<SkipStep> steps;
};

class AbbreviationTable {
 public:
  explicit AbbreviationTable(Dwarf_Die unit);

  // Null: the unit has none of that code.
  const Abbreviation* Find(std::uint64_t code) const;

  // How to skip one value of `form`; false: unknown.
  bool AppendForm(unsigned int form, std::vector<SkipStep>& steps) const;

 private:
  void Add(Dwarf_Abbrev* abbreviation);

  std::uint8_t address_bytes_ = 8;
  std::uint8_t offset_bytes_ = 4;
  std::uint8_t reference_bytes_ = 4;   // DW_FORM_ref_addr, an address in DWARF 2
  std::vector<Abbreviation> by_code_;  // codes 1.. as compilers number them
  absl::flat_hash_map<std::uint64_t, Abbreviation> others_;
};

}  // namespace limpet
