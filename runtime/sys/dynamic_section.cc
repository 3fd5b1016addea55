#include "runtime/sys/dynamic_section.h"

namespace limpet::sys {
namespace {

std::uint32_t GnuHash(const char* name) {
  std::uint32_t hash = 5381;
  for (; *name != '\0'; ++name) hash = hash * 33 + static_cast<unsigned char>(*name);
  return hash;
}

}  // namespace

DynamicSection DynamicSection::OfLoaded(const Elf64_Dyn* entries, std::uint64_t load_bias) {
  DynamicSection section;
  for (const Elf64_Dyn* entry = entries; entry->d_tag != DT_NULL; ++entry) {
    std::uint64_t address = entry->d_un.d_ptr;
    bool is_offset = address < load_bias && load_bias >> 63 == 0;
    section.Take(entry->d_tag, is_offset ? address + load_bias : address);
  }
  return section;
}

DynamicSection DynamicSection::OfLinked(const Elf64_Dyn* entries, std::uint64_t load_bias) {
  DynamicSection section;
  for (const Elf64_Dyn* entry = entries; entry->d_tag != DT_NULL; ++entry)
    section.Take(entry->d_tag, entry->d_un.d_ptr + load_bias);
  return section;
}

void DynamicSection::Take(std::int64_t tag, std::uint64_t address) {
  if (tag == DT_SYMTAB) symbols = reinterpret_cast<Elf64_Sym*>(address);
  if (tag == DT_STRTAB) names = reinterpret_cast<const char*>(address);
  if (tag == DT_HASH) hash = reinterpret_cast<const std::uint32_t*>(address);
  if (tag == DT_GNU_HASH) gnu_hash = reinterpret_cast<const std::uint32_t*>(address);
}

bool DynamicSection::IsNamed(std::uint32_t symbol, const char* name) const {
  const char* own = names + symbols[symbol].st_name;
  while (*own == *name && *own != '\0') ++own, ++name;
  return *own == *name;
}

const Elf64_Sym* DynamicSection::Find(const char* name) const {
  if (symbols == nullptr || names == nullptr) return nullptr;
  if (gnu_hash != nullptr) return FindByGnuHash(name);
  for (std::uint32_t i = 0; i < SymbolCount(); ++i) {
    if (Defines(i, name)) return &symbols[i];
  }
  return nullptr;
}

bool DynamicSection::Defines(std::uint32_t symbol, const char* name) const {
  const Elf64_Sym& entry = symbols[symbol];
  return entry.st_shndx != SHN_UNDEF && entry.st_value != 0 && IsNamed(symbol, name);
}

// Table: buckets, number of the first symbol, words of the Bloom filter, its shift; the filter; the
// first symbol of each bucket; a hash a symbol, whose lowest bit ends the bucket's chain.
// Source: glibc, elf/dl-lookup.c
const Elf64_Sym* DynamicSection::FindByGnuHash(const char* name) const {
  const std::uint32_t first = gnu_hash[1];
  const std::uint32_t* buckets = gnu_hash + 4 + std::uint64_t{gnu_hash[2]} * 2;
  const std::uint32_t* hashes = buckets + gnu_hash[0];
  const std::uint32_t wanted = GnuHash(name);
  std::uint32_t symbol = gnu_hash[0] != 0 ? buckets[wanted % gnu_hash[0]] : 0;
  for (bool is_last = symbol < first; !is_last; ++symbol) {
    const std::uint32_t own = hashes[symbol - first];
    if ((own | 1) == (wanted | 1) && Defines(symbol, name)) return &symbols[symbol];
    is_last = (own & 1) != 0;
  }
  return nullptr;
}

}  // namespace limpet::sys
