#include "tools/cli/process_row.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "absl/strings/str_format.h"
#include "runtime/layout/segment.h"
#include "tools/reader/clock.h"
#include "tools/reader/dead_segments.h"
#include "tools/reader/last_seen.h"
#include "tools/reader/segment_directory.h"
#include "tools/reader/segment_reader.h"
#include "tools/reader/signal_name.h"

namespace limpet {
namespace {

constexpr char kExitedState[] = "exited";

// Why no companion was started.
std::string DescribeLaunch(int reason) {
  switch (reason) {
    case kLaunchRefused:
      return "no companion may be started from PID 1 or a subreaper";
    case kLaunchCannotWrite:
      return "the user that the process has now may not write to LIMPET_DIR";
    case kLaunchRootChanged:
      return "root starts no companion inside another root directory";
    case kLaunchTooLarge:
      return "the process has given up the right to its segment, which is too large to be copied";
    default:
      return absl::StrFormat("the companion could not be started (%s)", std::strerror(reason));
  }
}

// Of an owner that lives, unless it has become another program by exec, one that is not traced.
std::optional<ProcessFacts> ReadOwner(const SegmentOwner& owner, const LivingProcesses& living) {
  const std::optional<std::uint32_t> pid = living.Find(owner);
  if (!pid.has_value()) return std::nullopt;
  absl::StatusOr<ProcessFacts> process = ReadProcess(*pid);
  const bool is_traced = process.ok() && process->is_alive && process->has_limpet.value_or(true);
  if (!is_traced) return std::nullopt;
  return *std::move(process);
}

void FillProcess(const SegmentOwner& owner, const LivingProcesses& living, ProcessRow& row) {
  row.process = ReadOwner(owner, living);
  if (!row.process.has_value()) return;
  row.pid = row.process->pid;
  row.executable = row.process->executable;
}

void FillSnapshot(SegmentSnapshot snapshot, Life life, ProcessRow& row) {
  if (row.executable.empty()) row.executable = snapshot.executable;
  row.state = DescribeState(snapshot, life);
  if (life == Life::kDead) row.died_unix_ns = LastSeenUnixNs(snapshot);
  row.heap = EstimateTotal(snapshot, EstimateKind::kHeap);
  row.losses = ListLosses(snapshot);
  row.snapshot = std::move(snapshot);
}

ProcessRow RowOfSegment(const SegmentEntry& entry, const LivingProcesses& living) {
  ProcessRow row{.pid = entry.name.pid};
  absl::StatusOr<SegmentSnapshot> snapshot = ReadSegment(entry.path);
  if (!snapshot.ok()) {
    FillProcess({.pid = entry.name.pid, .start_ticks = entry.name.start_ticks}, living, row);
    row.state = absl::IsUnavailable(snapshot.status()) ? "starting" : "unreadable";
    row.problem = std::string(snapshot.status().message());
    return row;
  }
  const SegmentOwner owner = OwnerOf(*snapshot);
  FillProcess(owner, living, row);
  // One that the process does not map is an earlier image's, of before an exec.
  if (row.process.has_value() && !IsSegmentOf(*row.process, entry.path)) {
    row.process.reset();
    row.executable.clear();
  }
  Life life = living.LifeOf(owner);
  if (life == Life::kAlive && !row.process.has_value()) life = Life::kDead;
  FillSnapshot(*std::move(snapshot), life, row);
  return row;
}

// A PID finds the newest segment that no living process stands before.
void FillDumpTarget(const SegmentEntry& entry, const LivingProcesses& living,
                    std::vector<ProcessRow>& rows, ProcessRow& row) {
  const bool is_hidden = !row.process.has_value() && living.Has(row.pid);
  row.dump_target = is_hidden ? entry.path : absl::StrFormat("%d", row.pid);
  for (ProcessRow& older : rows) {
    if (older.pid == row.pid && !older.process.has_value()) older.dump_target = older.path;
  }
}

// It ended by itself, but had given up the right to remove its file.
bool RemoveExited(const SegmentEntry& entry, const ProcessRow& row) {
  return row.state == kExitedState && RemoveUnreadSegment(entry.path);
}

void AddUnsampled(std::vector<ProcessRow>& rows) {
  std::set<std::uint32_t> known;
  for (const ProcessRow& row : rows) {
    if (row.process.has_value()) known.insert(row.pid);
  }
  for (std::uint32_t pid : ListProcesses()) {
    if (known.contains(pid)) continue;
    absl::StatusOr<ProcessFacts> process = ReadProcess(pid);
    if (!process.ok() || !process->is_alive || !process->has_limpet.value_or(false)) continue;
    rows.push_back({.pid = pid,
                    .executable = process->executable,
                    .state = "running",
                    .process = *std::move(process)});
  }
}

}  // namespace

std::vector<ProcessRow> ListProcessRows() {
  std::vector<ProcessRow> rows;
  const LivingProcesses living = LivingProcesses::Read();
  for (const SegmentEntry& entry : ListSegments(RuntimeDirectories(""))) {
    ProcessRow row = RowOfSegment(entry, living);
    if (RemoveExited(entry, row)) continue;
    row.path = entry.path;
    FillDumpTarget(entry, living, rows, row);
    rows.push_back(std::move(row));
  }
  AddUnsampled(rows);
  std::stable_sort(rows.begin(), rows.end(),
                   [](const ProcessRow& a, const ProcessRow& b) { return a.pid < b.pid; });
  return rows;
}

std::string DescribeState(const SegmentSnapshot& snapshot, Life life) {
  const auto state = static_cast<SegmentState>(snapshot.state);
  if (life != Life::kAlive && state == SegmentState::kExited) return kExitedState;
  if (life == Life::kOtherContainer) return "other container";
  if (life == Life::kDead) return "dead";
  return state == SegmentState::kPoisoned ? "gave up" : "running";
}

std::uint32_t WatcherOf(const SegmentSnapshot& snapshot) {
  return IsFreshBeat(snapshot.watch.beat_ns, MonotonicNs()) ? snapshot.watch.watcher_pid : 0;
}

std::uint32_t WaitingRequests(const SegmentSnapshot& snapshot) {
  const std::uint32_t waiting = snapshot.dump_requests - snapshot.watch.answered_requests;
  const bool is_ahead = static_cast<std::int32_t>(waiting) > 0;
  return is_ahead && snapshot.launch_errno != 0 && WatcherOf(snapshot) == 0 ? waiting : 0;
}

std::string DescribeWaitingRequests(const SegmentSnapshot& snapshot, std::uint32_t pid) {
  const std::uint32_t waiting = WaitingRequests(snapshot);
  if (waiting == 0) return "";
  return absl::StrFormat("%d dump request%s: %s; limpet dump %d", waiting,
                         waiting == 1 ? " waits" : "s wait",
                         DescribeLaunch(static_cast<int>(snapshot.launch_errno)), pid);
}

std::string DescribeDumpSignal(const SegmentSnapshot& snapshot, std::uint32_t pid) {
  const std::string name = SignalName(static_cast<int>(snapshot.dump_signal));
  const std::string instead = absl::StrFormat("use limpet dump %d", pid);
  std::string words;
  switch (static_cast<SignalState>(snapshot.dump_signal_state)) {
    case SignalState::kOurs:
      words = name + " dumps";
      break;
    case SignalState::kProgram:
      words =
          absl::StrFormat("%s belongs to the program: %s or LIMPET_SIGNAL=RTMIN+1", name, instead);
      break;
    case SignalState::kInherited:
      words = absl::StrFormat(
          "%s was ignored when the program started: %s or "
          "LIMPET_SIGNAL=RTMIN+1",
          name, instead);
      break;
    default:
      words = "no dump signal: " + instead;
  }
  return words;
}

}  // namespace limpet
