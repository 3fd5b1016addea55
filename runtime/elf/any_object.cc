#include "runtime/elf/any_object.h"

#include <link.h>

#include "runtime/elf/elf_object.h"

namespace limpet {
namespace {

struct Search {
  const char* name;
  std::uint64_t excluded;
  std::uint64_t found;
};

LoadedObject Describe(const dl_phdr_info& info) {
  LoadedObject object = {.map_start = UINT64_MAX, .load_bias = info.dlpi_addr};
  for (int i = 0; i < info.dlpi_phnum; ++i) {
    const Elf64_Phdr& program = info.dlpi_phdr[i];
    std::uint64_t start = info.dlpi_addr + program.p_vaddr;
    std::uint64_t end = start + program.p_memsz;
    if (program.p_type == PT_DYNAMIC) object.dynamic_section = start;
    if (program.p_type != PT_LOAD) continue;
    if (start < object.map_start) object.map_start = start;
    if (end > object.map_end) object.map_end = end;
  }
  return object;
}

int LookInto(dl_phdr_info* info, std::size_t, void* argument) {
  auto* search = static_cast<Search*>(argument);
  LoadedObject object = Describe(*info);
  if (!ObjectMemory(object).Holds(search->excluded))
    search->found = ElfObject(object).Find(search->name);
  return search->found != 0 ? 1 : 0;
}

}  // namespace

std::uint64_t FindInAnyObject(const char* name, std::uint64_t excluded) {
  Search search = {name, excluded, 0};
  dl_iterate_phdr(LookInto, &search);
  return search.found;
}

}  // namespace limpet
