#include "tools/threads/timer_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace limpet {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr char kTimers[] =
    "ID: 3\nsignal: 12/0000000000000000\nnotify: signal/pid.21368\nClockID: 0\n"
    "ID: 2\nsignal: 32/0000563088bcb530\nnotify: signal/tid.21369\nClockID: 1\n"
    "ID: 1\nsignal: 34/0000563088bcb4d0\nnotify: signal/tid.21370\nClockID: 1\n"
    "ID: 0\nsignal: 32/0000563088bca460\nnotify: signal/tid.21369\nClockID: 1\n";

TEST(TimerList, CountsThoseOfLibcsSignalByThread) {
  EXPECT_THAT(CountTimers(kTimers), ElementsAre(Pair(21369, 2)));
}

TEST(TimerList, PassesOverWhatItDoesNotKnow) {
  for (const char* text :
       {"", "\n\n", "signal: 32", "notify: signal/tid.5\n", "signal: 32/0\nnotify: signal/tid.\n",
        "signal: 32/0\nnotify: signal/tid.-5\n",
        "signal: 32/0\nnotify: signal/tid.99999999999\n"}) {
    EXPECT_THAT(CountTimers(text), IsEmpty()) << text;
  }
}

}  // namespace
}  // namespace limpet
