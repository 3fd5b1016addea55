#include "tools/cli/commands.h"
namespace limpet {
absl::StatusOr<int> RunCommand(const RunOptions&) { return absl::UnimplementedError("pending"); }
absl::StatusOr<int> DoctorCommand(const DoctorOptions&) {
  return absl::UnimplementedError("pending");
}
}  // namespace limpet
