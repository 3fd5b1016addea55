#include "tools/cli/exit_code.h"

#include "tools/cli/commands.h"

namespace limpet {

int ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitOk;
    case absl::StatusCode::kInvalidArgument:
      return kExitUsage;
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kUnavailable:  // a segment that never began
      return kExitNotTraced;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kResourceExhausted:
      return kExitPermission;
    default:
      return kExitBadData;
  }
}

}  // namespace limpet
