// Where a dump belongs, and what is to be kept of it besides its profiles.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <optional>
#include <string>

#include "tools/cli/commands.h"
#include "tools/cli/dump_target.h"
#include "tools/store/dump_path.h"
#include "tools/store/dump_store.h"

namespace limpet {

DumpNames NamesOf(const DumpTarget& target);

// Without contents. Nothing for a copy that lies in no process's folder: its profiles lie beside
// it, as anybody's files.
std::optional<DumpRequest> RequestFor(const DumpTarget& target, const DumpOptions& options);

}  // namespace limpet
