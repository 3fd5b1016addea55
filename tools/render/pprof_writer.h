// A profile as pprof's gzip'd protobuf message: what `go tool pprof` and all the others read.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "tools/profile/profile.h"

namespace limpet {

absl::StatusOr<std::string> WritePprof(const Profile& profile);

}  // namespace limpet
