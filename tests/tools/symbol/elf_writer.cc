#include "tests/tools/symbol/elf_writer.h"

#include <cstddef>
#include <cstring>

namespace limpet {
namespace {

constexpr char kSectionNames[] = "\0.symtab\0.strtab\0.shstrtab";

struct Layout {
  Elf64_Ehdr header = {};
  Elf64_Phdr segment = {};
  Elf64_Shdr sections[4] = {};
};

template <typename Piece>
void Append(std::vector<char>& bytes, const Piece* pieces, std::size_t count) {
  const char* begin = reinterpret_cast<const char*>(pieces);
  bytes.insert(bytes.end(), begin, begin + count * sizeof(Piece));
}

Elf64_Shdr Section(std::uint32_t name, std::uint32_t type, std::size_t offset, std::size_t size) {
  Elf64_Shdr section = {};
  section.sh_name = name;
  section.sh_type = type;
  section.sh_offset = offset;
  section.sh_size = size;
  section.sh_addralign = 1;
  return section;
}

void FillHeader(Layout& layout) {
  std::memcpy(layout.header.e_ident, ELFMAG, SELFMAG);
  layout.header.e_ident[EI_CLASS] = ELFCLASS64;
  layout.header.e_ident[EI_DATA] = ELFDATA2LSB;
  layout.header.e_ident[EI_VERSION] = EV_CURRENT;
  layout.header.e_type = ET_DYN;
  layout.header.e_machine = EM_X86_64;
  layout.header.e_version = EV_CURRENT;
  layout.header.e_ehsize = sizeof(Elf64_Ehdr);
  layout.header.e_phoff = offsetof(Layout, segment);
  layout.header.e_phentsize = sizeof(Elf64_Phdr);
  layout.header.e_phnum = 1;
  layout.header.e_shoff = offsetof(Layout, sections);
  layout.header.e_shentsize = sizeof(Elf64_Shdr);
  layout.header.e_shnum = 4;
  layout.header.e_shstrndx = 3;
  layout.segment.p_type = PT_LOAD;
  layout.segment.p_flags = PF_R | PF_X;
  layout.segment.p_vaddr = 0x1000;
  layout.segment.p_memsz = 0x1000;
}

}  // namespace

std::vector<char> WriteElf(const std::vector<WrittenSymbol>& symbols) {
  std::string names(1, '\0');
  std::vector<Elf64_Sym> table(1);
  for (const WrittenSymbol& symbol : symbols) {
    Elf64_Sym entry = {};
    entry.st_name = static_cast<std::uint32_t>(names.size());
    entry.st_value = symbol.address;
    entry.st_size = symbol.size;
    entry.st_info = static_cast<unsigned char>(ELF64_ST_INFO(symbol.binding, symbol.type));
    entry.st_shndx = 1;
    table.push_back(entry);
    names += symbol.name + '\0';
  }
  Layout layout;
  FillHeader(layout);
  const std::size_t table_bytes = table.size() * sizeof(Elf64_Sym);
  const std::size_t names_offset = sizeof(Layout) + table_bytes;
  layout.sections[1] = Section(1, SHT_SYMTAB, sizeof(Layout), table_bytes);
  layout.sections[1].sh_link = 2;
  layout.sections[1].sh_entsize = sizeof(Elf64_Sym);
  layout.sections[1].sh_addralign = 8;
  layout.sections[2] = Section(9, SHT_STRTAB, names_offset, names.size());
  layout.sections[3] = Section(17, SHT_STRTAB, names_offset + names.size(), sizeof(kSectionNames));
  std::vector<char> bytes;
  Append(bytes, &layout, 1);
  Append(bytes, table.data(), table.size());
  Append(bytes, names.data(), names.size());
  Append(bytes, kSectionNames, sizeof(kSectionNames));
  return bytes;
}

}  // namespace limpet
