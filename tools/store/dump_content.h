// What a dump writes: one file for each profile.
//
// Runs: companion.  Threads: plain data.  Allocates: yes.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/store/dump_path.h"
#include "tools/store/output_file.h"

namespace limpet {

struct DumpContent {
  std::string profile;
  std::string extension;
  std::function<absl::Status(OutputFile&)> write;  // once more where the disk was full
};

// Whole or not at all.
absl::Status WriteContent(const OpenFolder& folder, const std::string& name,
                          const DumpContent& content);

// Names from a pattern that a user gave; all profiles get one number. Returns the paths.
absl::StatusOr<std::vector<std::string>> WriteByPattern(const std::vector<DumpContent>& contents,
                                                        const std::string& pattern,
                                                        DumpNames names);

}  // namespace limpet
