// The folder of one process: which dumps lie in it. Files of other names are nobody's business
// here, and links are never followed.
//
// Runs: companion.  Threads: one at a time.  Allocates: yes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/store/open_folder.h"
#include "tools/store/process_record.h"

namespace limpet {

struct FolderListing {
  std::vector<DumpRecord> dumps;  // ascending by number, then time
  std::uint64_t disk_bytes = 0;   // of the dumps and meta.json
  bool has_meta = false;
};

FolderListing ListDumps(const OpenFolder& folder);

// Takes reason and sizes of the dumps from what was written of them.
void Annotate(const std::vector<DumpRecord>& known, std::vector<DumpRecord>& dumps);

// True when all of its files are gone.
bool RemoveDump(const OpenFolder& folder, const DumpRecord& dump);

std::uint64_t DiskBytes(const DumpRecord& dump);

}  // namespace limpet
