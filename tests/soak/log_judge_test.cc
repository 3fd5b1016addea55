#include "tests/soak/log_judge.h"

#include <gmock/gmock.h>

#include <memory>

#include "runtime/layout/allocation_slot.h"

namespace limpet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint32_t kStack = 5;

// A thread of mark 0x1000 that allocated 3 blocks of 100 bytes, one of which was freed by thread 1.
class LogJudge : public testing::Test {
 protected:
  LogJudge() {
    own().mark = 0x1000;
    own().allocated = {3, 300};
    own().begun = own().done = 3;
    other().freed[0] = {1, 100};
    other().begun = other().done = 1;
    snapshot.sample_interval_bytes = 1;
    snapshot.stacks[kStack].frames = {{.address = 0x2000}, {.address = 0x1000}};
    Say(3, 300, 2);
  }

  void Say(std::uint64_t objects, std::uint64_t bytes, int blocks_in_use) {
    snapshot.sites = {{.stack = kStack,
                       .allocated_objects_weight = objects * kWeightOne,
                       .allocated_bytes = bytes,
                       .samples = objects}};
    snapshot.allocations.assign(
        static_cast<std::size_t>(blocks_in_use),
        {.address = 0x7000, .requested_bytes = 100, .weight = kWeightOne, .stack = kStack});
  }

  void BeginAllocation() {
    own().call = {.allocates = {1, 100}, .allocated_before = own().allocated};
    ++own().begun;
  }
  void BeginFree() {
    other().call = {.frees = {1, 100}, .freed_owner = 0, .freed_before = other().freed[0]};
    ++other().begun;
  }

  ThreadLog& own() { return log->threads[0]; }
  ThreadLog& other() { return log->threads[1]; }
  std::vector<std::string> Problems() const { return JudgeSegment(snapshot, *log).problems; }

  std::unique_ptr<ProcessLog> log = std::make_unique<ProcessLog>();
  SegmentSnapshot snapshot;
};

TEST_F(LogJudge, PassesWhatTheLogSays) { EXPECT_THAT(Problems(), IsEmpty()); }

TEST_F(LogJudge, RefusesABlockMoreOrLess) {
  Say(4, 400, 3);
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("allocated"), HasSubstr("in use")));
  Say(2, 200, 1);
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("allocated"), HasSubstr("in use")));
  Say(3, 301, 2);
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("allocated")));
  Say(3, 300, 3);
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("in use")));
}

TEST_F(LogJudge, TakesACallUnderWayAsDoneOrNot) {
  BeginAllocation();
  EXPECT_THAT(Problems(), IsEmpty());
  Say(4, 300, 2);
  EXPECT_THAT(Problems(), IsEmpty());
  Say(4, 400, 2);
  EXPECT_THAT(Problems(), IsEmpty());
  Say(4, 400, 3);
  EXPECT_THAT(Problems(), IsEmpty());
  Say(5, 500, 4);
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("allocated"), HasSubstr("in use")));
}

TEST_F(LogJudge, TakesTotalsFromBeforeTheCallUnderWay) {
  BeginAllocation();
  own().allocated.objects = 4;  // killed before the bytes
  EXPECT_THAT(Problems(), IsEmpty());
  BeginFree();
  other().freed[0].objects = 2;
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_F(LogJudge, TakesAFreeByAnotherThreadAsDoneOrNot) {
  BeginFree();
  EXPECT_THAT(Problems(), IsEmpty());
  Say(3, 300, 1);
  EXPECT_THAT(Problems(), IsEmpty());
  Say(3, 300, 0);
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("in use")));
}

TEST_F(LogJudge, RefusesLosses) {
  snapshot.counters = {{"dropped_starting", 1}, {"samples", 7}};
  EXPECT_THAT(Problems(), ElementsAre("dropped_starting 1"));
  snapshot.counters = {};
  snapshot.torn_slots = 1;  // and no thread that could have been writing it
  EXPECT_THAT(Problems(), ElementsAre("1 torn slots"));
}

TEST_F(LogJudge, RefusesTornTotalsOfASampledRun) {
  snapshot.sample_interval_bytes = 4096;
  Say(1, 100, 1);
  EXPECT_THAT(Problems(), IsEmpty());
  Say(1, 100, 2);
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("more in use")));
  snapshot.sites.clear();
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("allocated nothing")));
}

TEST_F(LogJudge, AbsenceIsRightOnlyWhereNothingIsMissing) {
  EXPECT_THAT(JudgeAbsence(*log, 1).problems, ElementsAre(HasSubstr("never began")));
  EXPECT_THAT(JudgeAbsence(*log, 4096).problems, IsEmpty());
  own().allocated = {0, 0};
  EXPECT_THAT(JudgeAbsence(*log, 1).problems, IsEmpty());
  own().allocated = {1000, 1'000'000};
  EXPECT_THAT(JudgeAbsence(*log, 4096).problems, ElementsAre(HasSubstr("never began")));
}

}  // namespace
}  // namespace limpet
