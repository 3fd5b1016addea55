// The answers of dlsym, for every name of real libraries.

#include "runtime/elf/elf_object.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <link.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

namespace limpet {
namespace {

LoadedObject ObjectOf(std::uint64_t address) {
  BindObjectFinder();
  LoadedObject object;
  EXPECT_TRUE(FindLoadedObject(address, &object));
  return object;
}

std::uint64_t AddressOf(void* pointer) { return reinterpret_cast<std::uint64_t>(pointer); }

struct Library {
  explicit Library(const char* name) : handle(dlopen(name, RTLD_NOW | RTLD_LOCAL)) {
    link_map* map = nullptr;
    if (handle == nullptr || dlinfo(handle, RTLD_DI_LINKMAP, static_cast<void*>(&map)) != 0) {
      ADD_FAILURE() << "no " << name;
      return;
    }
    object = ObjectOf(AddressOf(map->l_ld));
    path = map->l_name;
  }

  void* handle;
  LoadedObject object;
  std::string path;
};

// By the sections of the file, which is not how the loader and we get there.
std::vector<Elf64_Sym> SymbolsIn(const std::string& file, std::string* strings) {
  auto* header = reinterpret_cast<const Elf64_Ehdr*>(file.data());
  auto* sections = reinterpret_cast<const Elf64_Shdr*>(file.data() + header->e_shoff);
  for (int i = 0; i < header->e_shnum; ++i) {
    if (sections[i].sh_type != SHT_DYNSYM) continue;
    const Elf64_Shdr& names = sections[sections[i].sh_link];
    *strings = file.substr(names.sh_offset, names.sh_size);
    std::vector<Elf64_Sym> symbols(sections[i].sh_size / sizeof(Elf64_Sym));
    memcpy(symbols.data(), file.data() + sections[i].sh_offset, sections[i].sh_size);
    return symbols;
  }
  return {};
}

// Defined and undefined ones; without those that dlsym answers by calling code or by the thread.
std::set<std::string> PlainNamesOf(const Library& library) {
  std::ifstream stream(library.path, std::ios::binary);
  std::string file((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  std::string strings;
  std::set<std::string> names, special;
  for (const Elf64_Sym& symbol : SymbolsIn(file, &strings)) {
    unsigned type = ELF64_ST_TYPE(symbol.st_info);
    bool is_plain = type != STT_GNU_IFUNC && type != STT_TLS;
    (is_plain ? names : special).insert(strings.c_str() + symbol.st_name);
  }
  for (const std::string& name : special) names.erase(name);
  return names;
}

std::uint64_t DlsymInObject(const Library& library, const std::string& name) {
  std::uint64_t address = AddressOf(dlsym(library.handle, name.c_str()));
  bool is_inside = address >= library.object.map_start && address < library.object.map_end;
  return is_inside ? address : 0;
}

class EveryName : public testing::TestWithParam<const char*> {};

TEST_P(EveryName, IsFoundWhereDlsymFindsIt) {
  Library library(GetParam());
  ElfObject object(library.object);
  int found = 0;
  for (const std::string& name : PlainNamesOf(library)) {
    std::uint64_t expected = DlsymInObject(library, name);
    EXPECT_EQ(object.Find(name.c_str()), expected) << name;
    found += expected != 0 ? 1 : 0;
  }
  EXPECT_GE(found, 3) << "the test looks at real names";
}

INSTANTIATE_TEST_SUITE_P(Libraries, EveryName,
                         testing::Values("libstdc++.so.6", "libc.so.6", "libm.so.6",
                                         "libgcc_s.so.1", LIMPET_SYSV_LIBRARY));

TEST(ElfObject, DoesNotFindWhatItHasNot) {
  ElfObject object(Library("libstdc++.so.6").object);
  for (const char* name : {"", "no_such_name", "malloc", "_Znw", "_Znwmm"})
    EXPECT_EQ(object.Find(name), 0u) << name;
}

TEST(ElfObject, ReadsNothingBeyondItsEnd) {
  LoadedObject object = Library("libstdc++.so.6").object;
  for (std::uint64_t bytes = 0; bytes < object.map_end - object.map_start; bytes += 0x3331) {
    LoadedObject part = object;
    part.map_end = object.map_start + bytes;
    ElfObject elf(part);
    std::uint64_t found = elf.Find("_Znwm");
    EXPECT_TRUE(found == 0 || found == ElfObject(object).Find("_Znwm"));
    elf.ForEachImport([&](std::uint64_t address) { EXPECT_NE(address, 0u); });
  }
}

TEST(ElfObject, ImportsFromOtherObjectsOnly) {
  LoadedObject object = Library("libstdc++.so.6").object;
  std::set<std::string> paths;
  ElfObject(object).ForEachImport([&](std::uint64_t address) {
    LoadedObject other = ObjectOf(address);
    EXPECT_NE(other.map_start, object.map_start);
    paths.insert(other.path);
  });
  bool has_libc = false;
  for (const std::string& path : paths) has_libc |= path.find("libc.so.6") != std::string::npos;
  EXPECT_TRUE(has_libc);
}

}  // namespace
}  // namespace limpet
