// Profiles become files, or standard output, as `limpet dump` was asked for.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/cli/commands.h"
#include "tools/cli/dump_target.h"
#include "tools/profile/profile.h"
#include "tools/store/dump_content.h"
#include "tools/store/dump_path.h"
#include "tools/store/dump_store.h"

namespace limpet {

struct RenderedProfile {
  std::string name;
  std::string bytes;
};

// Where the dump of a process goes if nobody says otherwise, and what its names are made of.
struct DumpPlace {
  std::optional<DumpRequest> request;  // absent: beside a copy, in `directory`
  std::string directory;
  DumpNames names;
};

DumpPlace PlaceOf(const DumpTarget& target, const DumpOptions& options);

bool IsStandardOutput(const std::string& output);

// `format` as in DumpOptions.
absl::StatusOr<std::string> Render(const Profile& profile, const std::string& format);

// And says what it wrote.
absl::Status WriteProfiles(std::vector<RenderedProfile> rendered, const DumpPlace& place,
                           const DumpOptions& options);
absl::Status WriteContents(std::vector<DumpContent> contents, const DumpPlace& place,
                           const DumpOptions& options);

}  // namespace limpet
