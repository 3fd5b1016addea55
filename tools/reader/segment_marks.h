// What a companion writes into a segment: that it watches, what it has answered, that it is done.
//
// Everything else in a segment is the target's. Written by pwrite, so that a file which its owner
// cuts gives an error and no SIGBUS.
//
// Runs: companion.  Threads: any.  Allocates: no.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace limpet {

// Each fails where the file is no segment of ours, or not ours to write.
absl::Status MarkWatched(const std::string& path, std::uint32_t watcher_pid, std::uint64_t beat_ns);
absl::Status MarkAnswered(const std::string& path, std::uint32_t dump_requests);
absl::Status MarkLastProfile(const std::string& path);

}  // namespace limpet
