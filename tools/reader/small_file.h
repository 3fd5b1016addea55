// Reads a whole file that somebody else wrote, up to a limit.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace limpet {

struct FileLimits {
  std::size_t max_bytes = std::size_t{16} << 20;
  bool must_be_regular = false;            // /proc files are; false also takes links
  std::optional<std::uint32_t> owner_uid;  // a file of anybody else is refused
  std::optional<int> folder;               // descriptor, that a relative path begins at
  // Of /proc, and not longer than the limit: one read gives all of it. There are two such files of
  // each thread.
  bool is_one_piece = false;
};

// What is longer than the limit is cut there.
absl::StatusOr<std::string> ReadSmallFile(const std::string& path, const FileLimits& limits = {});

}  // namespace limpet
