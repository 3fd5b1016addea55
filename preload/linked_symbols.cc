#include "preload/linked_symbols.h"

#include <cstdint>

#include "preload/dynamic_section.h"

namespace limpet {
namespace {

bool DefinesAt(const DynamicSection& object, std::uint32_t symbol, const char* name) {
  const Elf64_Sym& entry = object.symbols[symbol];
  return entry.st_shndx != SHN_UNDEF && entry.st_value != 0 && object.IsNamed(symbol, name);
}

std::uint32_t GnuHash(const char* name) {
  std::uint32_t hash = 5381;
  for (; *name != '\0'; ++name) hash = hash * 33 + static_cast<unsigned char>(*name);
  return hash;
}

// Table: buckets, number of the first symbol, words of the Bloom filter, its shift; the filter; the
// first symbol of each bucket; a hash a symbol, whose lowest bit ends the bucket's chain.
// Source: glibc, elf/dl-lookup.c
bool DefinesByGnuHash(const DynamicSection& object, const char* name) {
  const std::uint32_t* table = object.gnu_hash;
  const std::uint32_t first = table[1];
  const std::uint32_t* buckets = table + 4 + std::size_t{table[2]} * 2;
  const std::uint32_t* hashes = buckets + table[0];
  const std::uint32_t wanted = GnuHash(name);
  std::uint32_t symbol = table[0] != 0 ? buckets[wanted % table[0]] : 0;
  for (bool is_last = symbol < first; !is_last; ++symbol) {
    const std::uint32_t hash = hashes[symbol - first];
    if ((hash | 1) == (wanted | 1) && DefinesAt(object, symbol, name)) return true;
    is_last = (hash & 1) != 0;
  }
  return false;
}

}  // namespace

bool Defines(const link_map& object, const char* name) {
  DynamicSection section(object.l_ld, object.l_addr);
  if (section.symbols == nullptr || section.names == nullptr) return false;
  if (section.gnu_hash != nullptr) return DefinesByGnuHash(section, name);
  for (std::uint32_t i = 0; i < section.SymbolCount(); ++i) {
    if (DefinesAt(section, i, name)) return true;
  }
  return false;
}

const link_map* DefinerBehind(const char* name) {
  const link_map* object = _r_debug.r_map;
  while (object != nullptr && object->l_ld != _DYNAMIC) object = object->l_next;
  while (object != nullptr) {
    object = object->l_next;
    if (object != nullptr && Defines(*object, name)) return object;
  }
  return nullptr;
}

bool HaveOneDefinerBehind(const char* name, const char* other) {
  return DefinerBehind(name) == DefinerBehind(other);
}

}  // namespace limpet
