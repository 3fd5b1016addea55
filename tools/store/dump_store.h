// Puts a dump into the folder of its process, and keeps that folder and its directory in order:
//
//   write, with room made where the disk is full -> too many? remove -> meta.json, links
//   -> LIMPET_DIR too large? remove
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/store/dump_content.h"
#include "tools/store/process_record.h"

namespace limpet {

struct StoreLimits {
  std::uint64_t max_dumps = 0;            // of the process
  std::uint64_t max_directory_bytes = 0;  // of all that LIMPET_DIR holds
};

struct DumpRequest {
  std::string directory;  // LIMPET_DIR
  std::string folder;     // name of the process's folder in it
  ProcessRecord process;
  DumpRecord dump;  // number 0: the next free one
  std::vector<DumpContent> contents;
  StoreLimits limits;
  // Profiles of a segment copied earlier. They join the dump that copied it, and say nothing new
  // of the process; nothing is removed for them.
  bool is_of_copy = false;
};

struct StoredDump {
  std::vector<std::string> paths;
  std::vector<std::string> notes;  // for people: what could not be kept to
};

absl::StatusOr<StoredDump> StoreDump(const DumpRequest& request);

}  // namespace limpet
