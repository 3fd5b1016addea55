// Unpacks an .xz stream, within bounds: what calls itself .gnu_debugdata may be a bomb.
//
// Runs: companion.  Threads: any.  Allocates: yes, at most 128 MiB.
#pragma once

#include <span>
#include <vector>

#include "absl/status/statusor.h"

namespace limpet {

absl::StatusOr<std::vector<char>> UnpackXz(std::span<const char> packed);

}  // namespace limpet
