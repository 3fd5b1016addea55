#include "runtime/elf/elf_object.h"

#include <cstring>

namespace limpet {
namespace {

constexpr std::uint16_t kHiddenVersion = 0x8000;

// What compilers refer to from data: in every function with clean-ups, and in every type_info.
constexpr const char* kLanguageNames[] = {"__gxx_personality_v0",
                                          "_ZTVN10__cxxabiv117__class_type_infoE",
                                          "_ZTVN10__cxxabiv120__si_class_type_infoE"};

std::uint32_t GnuHash(const char* name) {
  std::uint32_t hash = 5381;
  for (; *name != '\0'; ++name) hash = hash * 33 + static_cast<unsigned char>(*name);
  return hash;
}

std::uint32_t SysvHash(const char* name) {
  std::uint32_t hash = 0;
  for (; *name != '\0'; ++name) {
    hash = (hash << 4) + static_cast<unsigned char>(*name);
    std::uint32_t high = hash & 0xf0000000;
    hash = (hash ^ (high >> 24)) & ~high;
  }
  return hash;
}

bool IsDefined(const Elf64_Sym& symbol) {
  unsigned type = ELF64_ST_TYPE(symbol.st_info);
  bool has_address = type == STT_FUNC || type == STT_OBJECT || type == STT_NOTYPE;
  return has_address && symbol.st_value != 0 && symbol.st_shndx != SHN_UNDEF &&
         symbol.st_shndx != SHN_ABS;
}

}  // namespace

ElfObject::ElfObject(const LoadedObject& object) : memory_(object), load_bias_(object.load_bias) {
  ReadDynamicSection(object);
}

void ElfObject::ReadDynamicSection(const LoadedObject& object) {
  Elf64_Dyn entry;
  for (std::uint64_t at = object.dynamic_section; memory_.Read(at, &entry); at += sizeof(entry)) {
    if (entry.d_tag == DT_NULL) return;
    TakeEntry(entry);
  }
}

void ElfObject::TakeEntry(const Elf64_Dyn& entry) {
  switch (entry.d_tag) {
    case DT_SYMTAB:
      symbols_ = InMemory(entry.d_un.d_ptr);
      break;
    case DT_STRTAB:
      strings_ = InMemory(entry.d_un.d_ptr);
      break;
    case DT_VERSYM:
      versions_ = InMemory(entry.d_un.d_ptr);
      break;
    case DT_GNU_HASH:
      gnu_hash_ = InMemory(entry.d_un.d_ptr);
      break;
    case DT_HASH:
      sysv_hash_ = InMemory(entry.d_un.d_ptr);
      break;
    case DT_RELA:
      relocations_.address = InMemory(entry.d_un.d_ptr);
      break;
    case DT_RELASZ:
      relocations_.bytes = entry.d_un.d_val;
      break;
    case DT_JMPREL:
      plt_relocations_.address = InMemory(entry.d_un.d_ptr);
      break;
    case DT_PLTRELSZ:
      plt_relocations_.bytes = entry.d_un.d_val;
      break;
    default:
      break;
  }
}

// The loader relocates the dynamic section where it can write it; the vDSO's it cannot.
std::uint64_t ElfObject::InMemory(std::uint64_t address) const {
  return memory_.Holds(address) ? address : load_bias_ + address;
}

std::uint64_t ElfObject::Find(const char* name) const {
  if (symbols_ == 0 || strings_ == 0) return 0;
  if (gnu_hash_ != 0) return FindByGnuHash(name);
  return sysv_hash_ != 0 ? FindBySysvHash(name) : 0;
}

// Four counts, a Bloom filter of 64-bit words, buckets, and for each symbol from the first hashed
// one on its hash, whose lowest bit ends a chain.
std::uint64_t ElfObject::FindByGnuHash(const char* name) const {
  struct Header {
    std::uint32_t buckets, first_symbol, filter_words, filter_shift;
  } header;
  if (!memory_.Read(gnu_hash_, &header) || header.buckets == 0 || header.filter_words == 0)
    return 0;
  std::uint32_t hash = GnuHash(name);
  std::uint64_t filter = gnu_hash_ + sizeof(header);
  auto word = Load<std::uint64_t>(filter + std::uint64_t{hash / 64 % header.filter_words} * 8);
  std::uint64_t second = hash >> (header.filter_shift & 31);
  if ((word >> (hash & 63) & word >> (second & 63) & 1) == 0) return 0;

  std::uint64_t buckets = filter + std::uint64_t{header.filter_words} * 8;
  std::uint64_t hashes = buckets + std::uint64_t{header.buckets} * 4;
  auto index = Load<std::uint32_t>(buckets + std::uint64_t{hash % header.buckets} * 4);
  if (index < header.first_symbol) return 0;
  return FindInChain(hashes - std::uint64_t{header.first_symbol} * 4, index, hash, name);
}

std::uint64_t ElfObject::FindInChain(std::uint64_t hashes, std::uint64_t index, std::uint32_t hash,
                                     const char* name) const {
  std::uint32_t found = 0;
  for (; memory_.Read(hashes + index * 4, &found); ++index) {
    std::uint64_t address = (found ^ hash) <= 1 ? AddressIfNamed(index, name) : 0;
    if (address != 0 || (found & 1) != 0) return address;
  }
  return 0;
}

// Two counts, buckets, and for each symbol the next one of its chain; 0 ends it.
std::uint64_t ElfObject::FindBySysvHash(const char* name) const {
  auto buckets = Load<std::uint32_t>(sysv_hash_);
  auto symbols = Load<std::uint32_t>(sysv_hash_ + 4);
  if (buckets == 0) return 0;
  std::uint64_t nexts = sysv_hash_ + 8 + std::uint64_t{buckets} * 4;
  auto index = Load<std::uint32_t>(sysv_hash_ + 8 + std::uint64_t{SysvHash(name) % buckets} * 4);
  for (std::uint32_t steps = 0; index != 0 && steps < symbols; ++steps) {
    std::uint64_t address = AddressIfNamed(index, name);
    if (address != 0) return address;
    index = Load<std::uint32_t>(nexts + std::uint64_t{index} * 4);
  }
  return 0;
}

std::uint64_t ElfObject::AddressIfNamed(std::uint64_t index, const char* name) const {
  Elf64_Sym symbol;
  if (!memory_.Read(symbols_ + index * sizeof(symbol), &symbol)) return 0;
  bool is_it = IsDefined(symbol) && IsNamed(symbol, name) && IsDefaultVersion(index);
  return is_it ? load_bias_ + symbol.st_value : 0;
}

bool ElfObject::IsNamed(const Elf64_Sym& symbol, const char* name) const {
  std::uint64_t at = strings_ + symbol.st_name;
  std::uint64_t room = memory_.BytesBehind(at);
  return room != 0 && strncmp(reinterpret_cast<const char*>(at), name, room) == 0;
}

bool ElfObject::IsDefaultVersion(std::uint64_t index) const {
  return versions_ == 0 || (Load<std::uint16_t>(versions_ + index * 2) & kHiddenVersion) == 0;
}

// The program may write any pointer of its own data anew, to an object that another thread unloads.
// The global offset table is the loader's alone; so are, in data, the references that a compiler
// makes to the C++ library.
bool ElfObject::IsFilledInForGood(const Elf64_Rela& relocation) const {
  std::uint64_t type = ELF64_R_TYPE(relocation.r_info);
  if (type == R_X86_64_GLOB_DAT || type == R_X86_64_JUMP_SLOT) return true;
  Elf64_Sym symbol;
  std::uint64_t at = symbols_ + ELF64_R_SYM(relocation.r_info) * sizeof(symbol);
  if (type != R_X86_64_64 || !memory_.Read(at, &symbol)) return false;
  for (const char* name : kLanguageNames) {
    if (IsNamed(symbol, name)) return true;
  }
  return false;
}

}  // namespace limpet
