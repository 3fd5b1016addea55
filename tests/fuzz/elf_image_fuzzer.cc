// Any bytes as an executable: it is refused, or addresses in it get names. Nothing else may happen.
//
// Runs: fuzzer.  Threads: one.  Allocates: yes.

#include <cstddef>
#include <cstdint>
#include <memory>

#include "tests/fuzz/input_file.h"
#include "tools/symbol/elf_image.h"
#include "tools/symbol/elf_symbolizer.h"

namespace limpet {
namespace {

constexpr std::uint64_t kStep = 64;  // bytes of code between two addresses
constexpr std::uint64_t kAddresses = 256;

// The lowest address that the image has code at, of those that small programs use.
std::uint64_t FirstCode(const ElfImage& image) {
  for (std::uint64_t address = 0; address < (1 << 24); address += kStep) {
    if (image.IsCode(address)) return address;
  }
  return 0;
}

void NameAddresses(const std::string& path) {
  const absl::StatusOr<std::unique_ptr<ElfImage>> image = ElfImage::Open(path, "");
  if (!image.ok()) return;
  const std::uint64_t first = FirstCode(**image);
  ElfSymbolizer symbolizer;
  const ModuleFile module = {.path = path, .build_id = (*image)->build_id()};
  for (std::uint64_t i = 0; i < kAddresses; ++i) symbolizer.Resolve(module, first + i * kStep);
}

}  // namespace
}  // namespace limpet

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t count) {
  static const limpet::InputFile file(".elf");
  file.Write(bytes, count);
  limpet::NameAddresses(file.path());
  return 0;
}
