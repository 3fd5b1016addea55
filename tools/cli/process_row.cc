#include "tools/cli/process_row.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "absl/strings/str_format.h"
#include "runtime/layout/segment.h"
#include "tools/reader/segment_directory.h"
#include "tools/reader/segment_reader.h"

namespace limpet {
namespace {

constexpr char kExitedState[] = "exited";

std::string SignalName(std::uint32_t number) {
  const int signal = static_cast<int>(number);
  if (signal >= SIGRTMIN && signal <= SIGRTMAX) {
    return absl::StrFormat("RTMIN+%d", signal - SIGRTMIN);
  }
  const char* const name = sigabbrev_np(signal);
  return name != nullptr ? absl::StrFormat("SIG%s", name) : absl::StrFormat("signal %d", signal);
}

// The process whose segment this is, if it still lives.
std::optional<ProcessFacts> FindProcess(const SegmentName& name) {
  absl::StatusOr<ProcessFacts> process = ReadProcess(name.pid);
  const bool is_same =
      process.ok() && process->is_alive && process->start_ticks == name.start_ticks;
  if (!is_same) return std::nullopt;
  return *std::move(process);
}

ProcessRow RowOfSegment(const SegmentEntry& entry) {
  ProcessRow row{.pid = entry.name.pid, .process = FindProcess(entry.name)};
  if (row.process.has_value() && !row.process->has_limpet.value_or(true)) {
    row.process.reset();  // it has become another program by exec, one that is not traced
  }
  if (row.process.has_value() && !IsSegmentOf(*row.process, entry.path)) row.process.reset();
  if (row.process.has_value()) row.executable = row.process->executable;
  absl::StatusOr<SegmentSnapshot> snapshot = ReadSegment(entry.path);
  if (!snapshot.ok()) {
    row.state = absl::IsUnavailable(snapshot.status()) ? "starting" : "unreadable";
    row.problem = std::string(snapshot.status().message());
    return row;
  }
  if (row.executable.empty()) row.executable = snapshot->executable;
  row.state = DescribeState(*snapshot, row.process.has_value());
  row.heap = EstimateTotal(*snapshot, EstimateKind::kHeap);
  row.losses = ListLosses(*snapshot);
  row.snapshot = *std::move(snapshot);
  return row;
}

}  // namespace

std::vector<ProcessRow> ListProcessRows() {
  std::vector<ProcessRow> rows;
  std::set<std::uint32_t> living;
  for (const SegmentEntry& entry : ListSegments(RuntimeDirectories(""))) {
    rows.push_back(RowOfSegment(entry));
    if (rows.back().state == kExitedState) {
      // It ended by itself, but had given up the right to remove its file.
      unlink(entry.path.c_str());
      rows.pop_back();
      continue;
    }
    if (rows.back().process.has_value()) living.insert(entry.name.pid);
  }
  for (std::uint32_t pid : ListProcesses()) {
    if (living.contains(pid)) continue;
    absl::StatusOr<ProcessFacts> process = ReadProcess(pid);
    if (!process.ok() || !process->is_alive || !process->has_limpet.value_or(false)) continue;
    rows.push_back({.pid = pid,
                    .executable = process->executable,
                    .state = "running",
                    .process = *std::move(process)});
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const ProcessRow& a, const ProcessRow& b) { return a.pid < b.pid; });
  return rows;
}

std::string DescribeState(const SegmentSnapshot& snapshot, bool is_alive) {
  const auto state = static_cast<SegmentState>(snapshot.state);
  if (!is_alive) return state == SegmentState::kExited ? kExitedState : "dead";
  return state == SegmentState::kPoisoned ? "gave up" : "running";
}

std::string DescribeDumpSignal(const SegmentSnapshot& snapshot, std::uint32_t pid) {
  const std::string name = SignalName(snapshot.dump_signal);
  const std::string instead = absl::StrFormat("use limpet dump %d", pid);
  std::string words;
  switch (static_cast<DumpSignalState>(snapshot.dump_signal_state)) {
    case DumpSignalState::kOurs:
      words = name + " dumps";
      break;
    case DumpSignalState::kProgram:
      words =
          absl::StrFormat("%s belongs to the program: %s or LIMPET_SIGNAL=RTMIN+1", name, instead);
      break;
    case DumpSignalState::kInherited:
      words = absl::StrFormat(
          "%s was ignored when the program started: %s or "
          "LIMPET_SIGNAL=RTMIN+1",
          name, instead);
      break;
    default:
      words = "no dump signal: " + instead;
  }
  if (snapshot.launch_errno != 0) {
    absl::StrAppendFormat(&words, "; the last dump by signal could not start: %s",
                          std::strerror(static_cast<int>(snapshot.launch_errno)));
  }
  return words;
}

}  // namespace limpet
