#include "tests/tools/symbol/known_program.h"

#include <gelf.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace limpet {
namespace {

void AppendFunctions(Elf* elf, Elf_Scn* section, std::vector<KnownFunction>& functions) {
  GElf_Shdr header;
  gelf_getshdr(section, &header);
  if (header.sh_type != SHT_SYMTAB && header.sh_type != SHT_DYNSYM) return;
  Elf_Data* content = elf_getdata(section, nullptr);
  const auto count = static_cast<int>(header.sh_size / header.sh_entsize);
  for (int index = 0; index < count; ++index) {
    GElf_Sym symbol;
    gelf_getsym(content, index, &symbol);
    if (GELF_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_shndx == SHN_UNDEF) continue;
    if (symbol.st_size == 0) continue;
    functions.push_back(
        {elf_strptr(elf, header.sh_link, symbol.st_name), symbol.st_value, symbol.st_size});
  }
}

}  // namespace

std::vector<KnownFunction> FunctionsOf(const std::string& path) {
  std::vector<KnownFunction> functions;
  std::vector<char> bytes = ReadFile(path);
  elf_version(EV_CURRENT);
  Elf* elf = elf_memory(bytes.data(), bytes.size());
  for (Elf_Scn* section = elf_nextscn(elf, nullptr); section != nullptr;
       section = elf_nextscn(elf, section)) {
    AppendFunctions(elf, section, functions);
  }
  elf_end(elf);
  return functions;
}

KnownFunction FunctionNamed(const std::string& path, const std::string& part) {
  for (const KnownFunction& function : FunctionsOf(path)) {
    if (function.name.find(part) != std::string::npos) return function;
  }
  ADD_FAILURE() << path << " has no function " << part;
  return {};
}

int MarkedLine(const std::string& marker) {
  std::ifstream source(LIMPET_TEST_PROGRAM_SOURCE);
  std::string text;
  for (int line = 1; std::getline(source, text); ++line) {
    if (text.ends_with("// line: " + marker)) return line;
  }
  ADD_FAILURE() << "no line is marked " << marker;
  return 0;
}

std::string BuildIdOf(const std::string& path) {
  auto image = ElfImage::Open(path, "");
  return image.ok() ? (*image)->build_id() : "";
}

std::vector<SourceFrame> FramesInside(Symbolizer& symbolizer, const std::string& path,
                                      const KnownFunction& function, const std::string& innermost) {
  for (std::uint64_t offset = 0; offset < function.size; ++offset) {
    auto frames = symbolizer.Resolve({path, ""}, function.address + offset);
    if (!frames.empty() && frames[0].name.find(innermost) != std::string::npos) return frames;
  }
  return {};
}

std::vector<char> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void WriteFile(const std::string& path, const std::vector<char>& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace limpet
