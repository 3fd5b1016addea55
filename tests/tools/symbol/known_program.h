// What the tests know about the programs they name addresses of.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/symbol/elf_image.h"
#include "tools/symbol/symbolizer.h"

namespace limpet {

struct KnownFunction {
  std::string name;  // as the linker knows it
  std::uint64_t address;
  std::uint64_t size;
};

// The sized functions of the file's symbol tables, read without the code under test.
std::vector<KnownFunction> FunctionsOf(const std::string& path);

// The one whose name contains `part`; the test fails if there is none.
KnownFunction FunctionNamed(const std::string& path, const std::string& part);

// The line of program/inlined.cc that ends with "// line: MARKER".
int MarkedLine(const std::string& marker);

std::string BuildIdOf(const std::string& path);

// The frames of the first address in `function` whose innermost frame's name contains `innermost`.
std::vector<SourceFrame> FramesInside(Symbolizer& symbolizer, const std::string& path,
                                      const KnownFunction& function, const std::string& innermost);

std::vector<char> ReadFile(const std::string& path);
void WriteFile(const std::string& path, const std::vector<char>& bytes);

}  // namespace limpet
