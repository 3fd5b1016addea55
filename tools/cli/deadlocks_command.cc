#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "tools/cli/commands.h"
#include "tools/cli/stacks_json.h"
#include "tools/cli/thread_look.h"
#include "tools/profile/thread_summary.h"
#include "tools/profile/wait_verdict.h"
#include "tools/render/printable_text.h"
#include "tools/render/verdict_writer.h"
#include "tools/store/output_file.h"

namespace limpet {
namespace {

struct Judged {
  ThreadDump dump;
  std::vector<WaitFinding> findings;
};

Judged JudgeOnce(ThreadDump dump) {
  std::vector<WaitFinding> findings = JudgeLastWaits(dump);
  return {std::move(dump), std::move(findings)};
}

// A process that dies meanwhile is judged by what it did last.
absl::StatusOr<Judged> LookAndJudge(const std::string& target) {
  absl::StatusOr<ThreadDump> first = LookAtThreads(target);
  if (!first.ok()) return first.status();
  if (!first->is_alive) return JudgeOnce(*std::move(first));
  if (JudgeWaits(*first, *first).empty()) return Judged{*std::move(first), {}};
  std::this_thread::sleep_for(std::chrono::nanoseconds(kVerdictPauseNs));
  absl::StatusOr<ThreadDump> second = LookAtThreads(target);
  if (!second.ok()) return second.status();
  if (!second->is_alive) return JudgeOnce(*std::move(second));
  std::vector<WaitFinding> findings = JudgeWaits(*first, *second);
  return Judged{*std::move(second), std::move(findings)};
}

std::string Summary(const Judged& judged) {
  std::string text = absl::StrFormat("%s, pid %d: ", OneLine(judged.dump.program), judged.dump.pid);
  for (const std::string& line : SummaryLines(judged.dump)) text += line + "\n";
  if (judged.findings.empty())
    return text + "no deadlock, orphaned lock or convoy, as far as it is known who holds what\n";
  return text + "\n";
}

absl::Status Print(const Judged& judged, bool as_json) {
  if (as_json) return WriteStacksJson(judged.dump, WriteStandardOutput, &judged.findings);
  return WriteStandardOutput(Summary(judged) + WriteVerdict(judged.dump, judged.findings));
}

}  // namespace

absl::StatusOr<int> DeadlocksCommand(const DeadlocksOptions& options) {
  const absl::StatusOr<Judged> judged = LookAndJudge(options.target);
  if (!judged.ok()) return judged.status();
  const absl::Status status = Print(*judged, options.json);
  if (!status.ok()) return status;
  return judged->findings.empty() ? kExitOk : kExitFinding;
}

}  // namespace limpet
