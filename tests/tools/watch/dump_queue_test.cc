// Which dumps are made, and how often. The queue starts its own executable as `limpet dump`: here
// that is this test, which only notes that it was.

#include "tools/watch/dump_queue.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <cstring>
#include <fstream>
#include <string>

#include "tests/support/temporary_directory.h"

namespace limpet {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;

// A line for each `limpet dump` of `segment`.
std::string NotesOf(const std::string& segment) { return segment + ".notes"; }

class DumpsOf : public ::testing::Test {
 protected:
  // "bad": its dumps fail.
  explicit DumpsOf(const char* content = "good") { std::ofstream(job_.segment) << content; }

  // One after the other, until all are made.
  void MakeAll() {
    for (int tries = 0; tries < 20 && !queue_.IsEmpty(); ++tries) MakeNext();
    EXPECT_TRUE(queue_.IsEmpty());
  }

  void MakeNext() {
    now_ns_ += 10 * kSecondNs;
    queue_.Advance(now_ns_, /*has_room=*/true);
    pollfd child = {queue_.descriptor(), POLLIN, 0};
    ASSERT_EQ(poll(&child, 1, 30'000), 1);
    queue_.Finish(now_ns_);
  }

  int Made() const {
    std::ifstream notes(NotesOf(job_.segment));
    int made = 0;
    for (std::string line; std::getline(notes, line);) ++made;
    return made;
  }

  DumpJob LastJob() const {
    DumpJob job = job_;
    job.is_last = true;
    return job;
  }

  TemporaryDirectory home_;
  DumpJob job_ = {.segment = home_.File("42-7.segment"), .reason = "signal"};
  DumpQueue queue_;
  std::uint64_t now_ns_ = 0;
};

TEST_F(DumpsOf, TheSameJobThatWaitsAreOne) {
  queue_.Add(job_);
  queue_.Add(job_);
  MakeAll();
  EXPECT_EQ(Made(), 1);
}

TEST_F(DumpsOf, AnotherReasonAreOthers) {
  queue_.Add(job_);
  DumpJob another = job_;
  another.reason = "interval";
  queue_.Add(another);
  MakeAll();
  EXPECT_EQ(Made(), 2);
}

TEST_F(DumpsOf, WhatIsDeadAreOneWithTheOneAtWork) {
  queue_.Add(job_);
  queue_.Advance(now_ns_, /*has_room=*/true);
  queue_.Add(LastJob());
  MakeAll();
  EXPECT_EQ(Made(), 1);
}

TEST_F(DumpsOf, WhatLivesAreMadeAgainAfterTheOneAtWork) {
  queue_.Add(job_);
  queue_.Advance(now_ns_, /*has_room=*/true);
  queue_.Add(job_);
  MakeAll();
  EXPECT_EQ(Made(), 2) << "it has read what was before";
}

class FailingDumpsOf : public DumpsOf {
 protected:
  FailingDumpsOf() : DumpsOf("bad") {}
};

TEST_F(FailingDumpsOf, WhatIsDeadAreGivenUp) {
  queue_.Add(LastJob());
  MakeAll();
  EXPECT_EQ(Made(), 3);
  EXPECT_TRUE(queue_.HasGivenUp(job_.segment));
}

TEST_F(FailingDumpsOf, WhatLivesMayBeAskedForAgain) {
  queue_.Add(job_);
  MakeAll();
  EXPECT_EQ(Made(), 3);
  EXPECT_FALSE(queue_.HasGivenUp(job_.segment));
}

int NoteDump(const std::string& segment) {
  std::ofstream(NotesOf(segment), std::ios::app) << "made\n";
  std::string content;
  std::ifstream(segment) >> content;
  return content == "bad" ? 1 : 0;
}

}  // namespace
}  // namespace limpet

int main(int count, char** arguments) {
  if (count > 2 && std::strcmp(arguments[1], "dump") == 0) return limpet::NoteDump(arguments[2]);
  testing::InitGoogleTest(&count, arguments);
  return RUN_ALL_TESTS();
}
