// Runs a forker and judges its children, each while it stands still, and at the end the forker.
//
//   fork_judge LIBRARY FORKER PLACE SEED FORKS SAMPLE_BYTES
//
// Nothing heard for a minute is a hang: all stacks are printed. Last come the sums.

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <set>
#include <string>

#include "tests/soak/fork_report.h"
#include "tests/soak/log_judge.h"
#include "tests/soak/log_mapping.h"
#include "tests/soak/logged_program.h"
#include "tests/soak/process_stacks.h"
#include "tools/reader/segment_reader.h"

namespace limpet {
namespace {

constexpr int kPatienceMs = 60'000;

class ForkJudge {
 public:
  explicit ForkJudge(char** arguments)
      : sample_bytes_(strtoull(arguments[6], nullptr, 10)), program_(arguments[3]) {}

  void Run(char** arguments) {
    int pipe_ends[2];
    if (pipe(pipe_ends) != 0) abort();
    program_.Start({arguments[2], arguments[4], arguments[5], std::to_string(pipe_ends[1])},
                   arguments[1], sample_bytes_);
    close(pipe_ends[1]);
    while (Listen(pipe_ends[0])) {
    }
    close(pipe_ends[0]);
  }

  int Finish() {
    printf("sums passed=%lu failed=%lu calls=%lu starting=%lu left=%lu\n", passed_, failed_,
           sums_.calls, sums_.starting, left_);
    return failed_ == 0 ? 0 : 1;
  }

 private:
  // False: that was the last.
  bool Listen(int from) {
    pollfd wanted = {from, POLLIN, 0};
    ForkReport report = {};
    if (poll(&wanted, 1, kPatienceMs) == 0) return Hang();
    if (read(from, &report, sizeof(report)) != sizeof(report))
      return Fail("the forker died"), false;
    switch (report.kind) {
      case ReportKind::kChild:
        return JudgeProcess(report), true;
      case ReportKind::kWrong:
        return Fail("child " + std::to_string(report.pid) + " ended with status " +
                    std::to_string(report.status)),
               true;
      case ReportKind::kEnd:
        return JudgeProcess(report), JudgeEnd(), false;
    }
    return false;
  }

  void JudgeProcess(const ForkReport& report) {
    ProcessLog& log = program_.log().processes[report.process];
    const Verdict verdict = VerdictOf(report.pid, log);
    sums_.Add(verdict);
    for (const std::string& problem : verdict.problems)
      printf("process %u: %s\n", report.pid, problem.c_str());
    ++(verdict.problems.empty() ? passed_ : failed_);
    if (report.ending == Ending::kKill) killed_.insert(report.pid);
    Release(&log);
  }

  Verdict VerdictOf(std::uint32_t pid, const ProcessLog& log) const {
    const std::optional<SegmentEntry> entry = program_.SegmentOf(pid);
    if (!entry) return JudgeAbsence(log, sample_bytes_);
    absl::StatusOr<SegmentSnapshot> snapshot = ReadSegment(entry->path);
    if (!snapshot.ok()) return {.problems = {std::string(snapshot.status().message())}};
    return JudgeSegment(*snapshot, log);
  }

  // Only those who were killed leave something.
  void JudgeEnd() {
    if (program_.Wait() != 0) Fail("the forker did not end well");
    for (const SegmentEntry& entry : program_.Segments()) {
      ++left_;
      if (!killed_.contains(entry.name.pid)) Fail(entry.path + " was left behind");
      if (!ReadSegment(entry.path).ok()) Fail(entry.path + " cannot be read");
    }
  }

  bool Hang() {
    PrintStacksOfGroup(program_.pid());
    Fail("nothing happened for a minute");
    return false;
  }

  void Fail(const std::string& problem) {
    printf("%s\n", problem.c_str());
    ++failed_;
  }

  std::uint64_t sample_bytes_;
  LoggedProgram program_;
  Verdict sums_;
  std::set<std::uint32_t> killed_;
  std::uint64_t passed_ = 0, failed_ = 0, left_ = 0;
};

}  // namespace
}  // namespace limpet

int main(int count, char** arguments) {
  if (count != 7) return 2;
  setvbuf(stdout, nullptr, _IOLBF, 0);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  limpet::ForkJudge judge(arguments);
  judge.Run(arguments);
  return judge.Finish();
}
