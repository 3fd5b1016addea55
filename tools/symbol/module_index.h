// All that is known about the addresses of one module: its images on disk and the indexes over
// them.
//
// Runs: companion.  Threads: one at a time.  Allocates: yes.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/symbol/debug_file.h"
#include "tools/symbol/elf_image.h"
#include "tools/symbol/source_index.h"
#include "tools/symbol/symbol_table.h"
#include "tools/symbol/symbolizer.h"

namespace limpet {

class ModuleIndex {
 public:
  // Fails if no file with the module's build id is left: a name from another build would be a lie.
  static absl::StatusOr<std::unique_ptr<ModuleIndex>> Open(const ModuleFile& module,
                                                           const DebugPlace& place);

  // See Symbolizer::Resolve.
  std::vector<SourceFrame> Resolve(std::uint64_t address);

 private:
  ModuleIndex(std::unique_ptr<ElfImage> image, const DebugPlace& place);

  std::unique_ptr<ElfImage> image_;   // the module's own, or the debug file that stands for it
  std::unique_ptr<ElfImage> debug_;   // null: none needed, or none found
  std::unique_ptr<ElfImage> packed_;  // from .gnu_debugdata; null: none
  std::unique_ptr<SymbolTable> symbols_;
  std::unique_ptr<SourceIndex> sources_;  // null: no debug information
};

}  // namespace limpet
