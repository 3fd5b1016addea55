// What a status means to a script.
//
//   2 usage   3 target gone or not traced   4 bad data   5 the system refused: permission, full
//   disk
//
// Runs: companion.  Threads: any.  Allocates: never.
#pragma once

#include "absl/status/status.h"

namespace limpet {

int ExitCodeOf(const absl::Status& status);

}  // namespace limpet
