#include "runtime/sys/sandbox.h"

#include <gtest/gtest.h>

namespace limpet::sys {
namespace {

TEST(SandboxState, IsNoneUntilThereIsOne) {
  SandboxState state;
  EXPECT_EQ(state.Current(), Sandbox::kNone);
}

TEST(SandboxState, CountsFromBeforeTheCall) {
  for (Sandbox wanted : {Sandbox::kFilter, Sandbox::kStrict}) {
    SandboxState state;
    state.Start(wanted);
    EXPECT_EQ(state.Current(), wanted);
    state.Enter(wanted);
    EXPECT_EQ(state.Current(), wanted);
  }
}

TEST(SandboxState, IsAsBeforeWhereTheCallIsRefused) {
  SandboxState state;
  state.Start(Sandbox::kStrict);
  state.Refuse(Sandbox::kStrict);
  EXPECT_EQ(state.Current(), Sandbox::kNone);
}

// One thread tries, another enters in between, the first is refused.
TEST(SandboxState, StaysWhereAnotherThreadIsRefused) {
  for (Sandbox wanted : {Sandbox::kFilter, Sandbox::kStrict}) {
    for (Sandbox refused : {Sandbox::kFilter, Sandbox::kStrict}) {
      SandboxState state;
      state.Start(refused);
      state.Start(wanted);
      state.Enter(wanted);
      state.Refuse(refused);
      EXPECT_EQ(state.Current(), wanted);
    }
  }
}

TEST(SandboxState, DoesNotBecomeLessStrict) {
  SandboxState state;
  state.Start(Sandbox::kStrict);
  state.Enter(Sandbox::kStrict);
  state.Start(Sandbox::kFilter);
  state.Enter(Sandbox::kFilter);
  EXPECT_EQ(state.Current(), Sandbox::kStrict);
}

}  // namespace
}  // namespace limpet::sys
