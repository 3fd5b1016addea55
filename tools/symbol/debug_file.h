// Finds the files that hold what was stripped from a module, by the rules gdb and elfutils share:
//
//   by build id   DEBUG/.build-id/ab/cdef....debug
//   by link       DIR/NAME, DIR/.debug/NAME, DEBUG/DIR/NAME, with NAME and a CRC in .gnu_debuglink
//   packed        .gnu_debugdata: an xz-compressed ELF file with only a symbol table
//   shared        .gnu_debugaltlink of a debug file that dwz has made smaller
//
// All of them are local files. Nothing here, nor what it calls, speaks to a debuginfod server.
//
// Runs: companion.  Threads: any, one image each.  Allocates: yes.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "tools/symbol/elf_image.h"

namespace limpet {

// Where to look. Files in `root` are tried first, then our own debug directory.
struct DebugPlace {
  std::string root;  // "" or such as "/proc/PID/root"
  std::string directory = "/usr/lib/debug";
};

// The separate debug file of the module with `build_id`, checked to carry it.
absl::StatusOr<std::unique_ptr<ElfImage>> FindDebugFile(const std::string& build_id,
                                                        const DebugPlace& place);

// The separate debug file of `image`: by build id, else by link.
absl::StatusOr<std::unique_ptr<ElfImage>> FindDebugFile(const ElfImage& image,
                                                        const DebugPlace& place);

// The symbols packed in `image` itself.
absl::StatusOr<std::unique_ptr<ElfImage>> UnpackMiniDebugInfo(const ElfImage& image);

// The file at `path`, or else by build id, checked to carry `build_id`: what a .gnu_debugaltlink in
// `debug` names.
absl::StatusOr<std::unique_ptr<ElfImage>> FindSharedDebugFile(const ElfImage& debug,
                                                              const std::string& path,
                                                              const std::string& build_id,
                                                              const DebugPlace& place);

}  // namespace limpet
