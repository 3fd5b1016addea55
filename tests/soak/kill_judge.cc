// Starts victims one after the other, kills each at a random moment, and judges what is left.
//
//   kill_judge LIBRARY VICTIM PLUGIN PLACE KEPT FIRST_SEED KILLS
//
// They run in PLACE. Even seeds are exact runs, odd ones sampled. What fails is kept in
// KEPT/<seed>. Prints a line a failure, and last the sums of all.

#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/soak/kill_plan.h"
#include "tests/soak/log_judge.h"
#include "tests/soak/logged_program.h"
#include "tools/reader/segment_reader.h"

namespace limpet {
namespace {

struct Sums {
  std::uint64_t passed = 0, failed = 0;
  std::uint64_t read = 0, children_read = 0, empty = 0;  // segments, victims that never began
  std::uint64_t unavailable = 0;                         // segments that say they never began
  std::uint64_t torn = 0;
  std::uint64_t ended = 0;  // left no segment because they were ending by themselves
  Verdict verdict;
};

struct Paths {
  std::string library, victim, plugin, place, kept;
};

class Kill {
 public:
  Kill(const Paths& paths, std::uint64_t seed) : plan_(PlanKill(seed)), program_(paths.place) {
    program_.Start(
        {paths.victim, std::to_string(seed), std::to_string(plan_.life_ms), paths.plugin},
        paths.library, plan_.sample_bytes);
    pid_ = static_cast<std::uint32_t>(program_.pid());
    WaitForMoment();
    program_.Kill();
  }

  Verdict Judge(Sums& sums) {
    Verdict verdict;
    for (const SegmentEntry& entry : program_.Segments()) verdict.Add(JudgeFile(entry, sums));
    for (const ProcessLog& log : program_.log().processes) {
      if (log.stage.load() == ProcessStage::kUnused || read_.contains(log.pid.load())) continue;
      verdict.Add(JudgeMissing(log, sums));
    }
    if (!read_.contains(pid_)) ++sums.empty;
    return verdict;
  }

  void Keep(const std::string& folder) const { program_.Keep(folder); }

 private:
  // Spins: what is waited for are microseconds, and a sleep takes 50 of them.
  void WaitForMoment() {
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!HasBegun() && std::chrono::steady_clock::now() < patience) {
    }
    const auto delay = std::chrono::duration<double, std::milli>(plan_.delay_ms);
    const auto end = std::chrono::steady_clock::now() + delay;
    if (delay > std::chrono::milliseconds(1)) std::this_thread::sleep_for(delay);
    while (std::chrono::steady_clock::now() < end) {
    }
  }

  bool HasBegun() {
    if (plan_.since == Since::kDirectory) return program_.HasRuntimeDirectory();
    return plan_.since == Since::kFork ||
           program_.log().processes[0].stage.load() != ProcessStage::kUnused;
  }

  const ProcessLog& LogOf(std::uint32_t pid) {
    static const ProcessLog kEmpty = {};
    for (const ProcessLog& log : program_.log().processes) {
      if (log.pid.load() == pid) return log;
    }
    return kEmpty;  // killed before it could say so
  }

  Verdict JudgeFile(const SegmentEntry& entry, Sums& sums) {
    const ProcessLog& log = LogOf(entry.name.pid);
    absl::StatusOr<SegmentSnapshot> snapshot = ReadSegment(entry.path);
    if (absl::IsUnavailable(snapshot.status())) return ++sums.unavailable, Verdict();
    read_.insert(entry.name.pid);
    if (!snapshot.ok()) return {.problems = {std::string(snapshot.status().message())}};
    ++(entry.name.pid == pid_ ? sums.read : sums.children_read);
    sums.torn += snapshot->torn_slots;
    return JudgeSegment(*snapshot, log);
  }

  Verdict JudgeMissing(const ProcessLog& log, Sums& sums) const {
    if (log.stage.load() != ProcessStage::kEnding) return JudgeAbsence(log, plan_.sample_bytes);
    if (log.pid.load() == pid_) ++sums.ended;
    return {};
  }

  KillPlan plan_;
  LoggedProgram program_;
  std::uint32_t pid_ = 0;
  std::set<std::uint32_t> read_;
};

void RunOne(const Paths& paths, std::uint64_t seed, Sums& sums) {
  Kill kill(paths, seed);
  const Verdict verdict = kill.Judge(sums);
  sums.verdict.Add(verdict);
  ++(verdict.problems.empty() ? sums.passed : sums.failed);
  if (verdict.problems.empty()) return;
  const std::string folder = paths.kept + "/" + std::to_string(seed);
  kill.Keep(folder);
  for (const std::string& problem : verdict.problems)
    printf("seed %lu: %s; kept in %s\n", seed, problem.c_str(), folder.c_str());
  fflush(stdout);
}

void Print(const Sums& sums) {
  printf(
      "sums passed=%lu failed=%lu read=%lu children_read=%lu never_began=%lu ended=%lu "
      "unavailable=%lu "
      "torn=%lu "
      "calls=%lu under_way=%lu owners_off=%lu objects_off_max=%lu bytes_off_max=%lu\n",
      sums.passed, sums.failed, sums.read, sums.children_read, sums.empty - sums.ended, sums.ended,
      sums.unavailable, sums.torn, sums.verdict.calls, sums.verdict.under_way,
      sums.verdict.owners_off, sums.verdict.objects_off, sums.verdict.bytes_off);
}

}  // namespace
}  // namespace limpet

int main(int count, char** arguments) {
  if (count != 8) return 2;
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  const limpet::Paths paths = {arguments[1], arguments[2], arguments[3], arguments[4],
                               arguments[5]};
  const std::uint64_t first = strtoull(arguments[6], nullptr, 10);
  const std::uint64_t kills = strtoull(arguments[7], nullptr, 10);
  limpet::Sums sums;
  for (std::uint64_t i = 0; i < kills; ++i) limpet::RunOne(paths, first + i, sums);
  limpet::Print(sums);
  return sums.failed == 0 ? 0 : 1;
}
