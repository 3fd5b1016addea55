// Writes small ELF files with chosen symbols: one executable segment, one symbol table.
#pragma once

#include <elf.h>

#include <cstdint>
#include <string>
#include <vector>

namespace limpet {

struct WrittenSymbol {
  std::string name;
  std::uint64_t address;
  std::uint64_t size;
  unsigned char binding = STB_GLOBAL;
  unsigned char type = STT_FUNC;
};

// The code segment is [0x1000, 0x2000).
std::vector<char> WriteElf(const std::vector<WrittenSymbol>& symbols);

}  // namespace limpet
