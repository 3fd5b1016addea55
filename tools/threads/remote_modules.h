// What a living process has mapped to run: where each object lies, and where its unwind table is.
//
// Everything is read from the process's memory, so that it is what runs, whatever became of the
// file. It may be forged: whoever uses an address must expect that nothing is there.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/reader/proc_text.h"
#include "tools/reader/segment_snapshot.h"
#include "tools/threads/remote_memory.h"

namespace limpet {

struct RemoteModule {
  ModuleRecord record;             // of one executable mapping
  std::uint64_t unwind_table = 0;  // .eh_frame_hdr, 0: it has none
};

class RemoteModules {
 public:
  // `maps` as /proc/PID/maps has it.
  RemoteModules(const std::string& maps, RemoteMemory& memory);

  // Null: no file is mapped there to run.
  const RemoteModule* Find(std::uint64_t address) const;

 private:
  std::vector<RemoteModule> modules_;  // by address
};

}  // namespace limpet
