// Keeps all that LIMPET_DIR holds of ours below a number of bytes: the folders of processes that
// belong to one user. Nothing else in it is looked at: it may be anybody's directory.
//
//   single dumps of all folders, as retention.h orders them, oldest first
//   then whole folders of dead processes, the one whose last dump is oldest first
//
// A folder that somebody else has locked, or that may not be changed, is passed over.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <string>

#include "tools/store/open_folder.h"

namespace limpet {

struct BoundedDirectory {
  const OpenFolder& folder;   // LIMPET_DIR
  const OpenFolder& current;  // the folder just written, whose lock the caller holds
  std::string current_name;
  std::string host;  // ours; a process of another one may live although we do not see it
  std::uint64_t max_bytes = 0;
};

struct BoundResult {
  std::uint64_t disk_bytes = 0;             // held afterwards
  std::uint64_t removed_current_dumps = 0;  // of the current folder, which the caller records
};

BoundResult BoundDirectory(const BoundedDirectory& directory);

}  // namespace limpet
