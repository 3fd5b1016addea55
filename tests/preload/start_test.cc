// The first allocation of a process may come at any time and under any lock.

#include "tests/preload/snapshot_facts.h"

namespace limpet {
namespace {

class FirstAllocation : public testing::TestWithParam<const char*> {};

// Looking the real functions up must not call what takes a lock of libc's, such as dlerror, which
// translates its text: gettext's lock would be released under its owner, and the next one hangs.
TEST_P(FirstAllocation, MayHoldTheLockOfGettext) {
  TracedProgram program({LIMPET_PROGRAMS "/early"}, {GetParam()});
  EXPECT_EQ(program.Finish(), 0);
  EXPECT_TRUE(program.Segments().empty());
}

INSTANTIATE_TEST_SUITE_P(Settings, FirstAllocation,
                         testing::Values(kExact, "LIMPET_DISABLE=1", "LD_BIND_NOW=1"));

}  // namespace
}  // namespace limpet
