#include "tools/cli/exit_code.h"

#include <gtest/gtest.h>

#include "tools/cli/commands.h"

namespace limpet {
namespace {

TEST(ExitCode, SaysWhatWentWrong) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), kExitOk);
  EXPECT_EQ(ExitCodeOf(absl::InvalidArgumentError("")), kExitUsage);
  EXPECT_EQ(ExitCodeOf(absl::NotFoundError("")), kExitNotTraced);
  EXPECT_EQ(ExitCodeOf(absl::UnavailableError("")), kExitNotTraced);
  EXPECT_EQ(ExitCodeOf(absl::DataLossError("")), kExitBadData);
  EXPECT_EQ(ExitCodeOf(absl::UnimplementedError("")), kExitBadData);
  EXPECT_EQ(ExitCodeOf(absl::PermissionDeniedError("")), kExitPermission);
  EXPECT_EQ(ExitCodeOf(absl::ResourceExhaustedError("")), kExitPermission);
}

}  // namespace
}  // namespace limpet
