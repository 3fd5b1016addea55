// The debug information of one ELF image, as libdw reads it.
//
// libdw keeps all it ever decoded until dwarf_end: for a 500 MB binary, gigabytes. Reopen() starts
// anew on the same mapped file, which costs microseconds; whoever holds Dwarf_Die or Dwarf_CU of
// before must forget them.
//
// libdwfl, the part of elfutils that can ask a debuginfod server, is not used: no look-up here can
// reach the network, whatever DEBUGINFOD_URLS says.
//
// Runs: companion.  Threads: one at a time.  Allocates: yes.
#pragma once

#include <elfutils/libdw.h>

#include <memory>

#include "absl/status/statusor.h"
#include "tools/symbol/debug_file.h"
#include "tools/symbol/elf_image.h"

namespace limpet {

class DwarfFile {
 public:
  // `image` must outlive the result.
  static absl::StatusOr<std::unique_ptr<DwarfFile>> Open(const ElfImage& image,
                                                         const DebugPlace& place);

  Dwarf* dwarf() const { return dwarf_.get(); }

  // On failure dwarf() is null, which libdw takes for an error of its own.
  absl::Status Reopen();

  // Gives back the pages of what a walk has read.
  void DropPages() const;

 private:
  struct End {
    void operator()(Dwarf* dwarf) const { dwarf_end(dwarf); }
  };
  using DwarfHandle = std::unique_ptr<Dwarf, End>;

  explicit DwarfFile(const ElfImage& image) : image_(image) {}
  void FindShared(const DebugPlace& place);

  const ElfImage& image_;
  std::unique_ptr<ElfImage> shared_image_;  // what dwz moved out; null: nothing, or not found
  DwarfHandle shared_;
  DwarfHandle dwarf_;
};

}  // namespace limpet
