#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "tools/cli/commands.h"
#include "tools/cli/process_row.h"
#include "tools/cli/segment_tidying.h"
#include "tools/profile/coverage.h"
#include "tools/reader/clock.h"
#include "tools/reader/process_end.h"
#include "tools/render/age_text.h"
#include "tools/render/printable_text.h"
#include "tools/store/output_file.h"

namespace limpet {
namespace {

using Cells = std::vector<std::string>;

constexpr char kAbsent[] = "-";

std::uint64_t LossTotal(const ProcessRow& row) {
  std::uint64_t total = 0;
  for (const Loss& loss : row.losses) total += loss.count;
  return total;
}

Coverage CoverageOf(const ProcessRow& row) {
  return {.in_use_bytes = row.heap.in_use.Bytes(),
          .resident_anonymous_bytes = row.process->resident_anonymous_bytes,
          .resident_bytes = row.process->resident_bytes};
}

std::string Interval(std::uint64_t bytes) { return bytes <= 1 ? "every" : FormatBytes(bytes); }

std::string Resident(const ProcessRow& row) {
  return row.process.has_value() ? FormatBytes(row.process->resident_bytes) : kAbsent;
}

std::string StateCell(const ProcessRow& row) {
  if (row.died_unix_ns == 0) return row.state;
  const std::uint64_t now_ns = UnixNs();
  const std::uint64_t age_ns = now_ns - std::min(row.died_unix_ns, now_ns);
  return absl::StrFormat("%s %s ago", row.state, ShortAge(age_ns));
}

Cells CellsOf(const ProcessRow& row) {
  Cells cells(9, kAbsent);
  cells[0] = absl::StrFormat("%d", row.pid);
  cells[1] = StateCell(row);
  cells[6] = Resident(row);
  cells.push_back(OneLine(row.executable.empty() ? kAbsent : row.executable));
  if (!row.snapshot.has_value()) return cells;
  const SegmentSnapshot& snapshot = *row.snapshot;
  cells[2] = FormatBytes(static_cast<std::uint64_t>(row.heap.in_use.Bytes()));
  cells[3] = absl::StrFormat("%d", row.heap.in_use.Objects());
  cells[4] = FormatBytes(static_cast<std::uint64_t>(row.heap.allocated.Bytes()));
  cells[5] = absl::StrFormat("%d", CounterValue(snapshot, "samples"));
  cells[7] = Interval(snapshot.sample_interval_bytes);
  cells[8] = absl::StrFormat("%d", LossTotal(row));
  return cells;
}

bool HasLastProfile(const ProcessRow& row) { return row.snapshot->watch.has_last_profile; }

std::string DeadRemark(const ProcessRow& row) {
  std::string words = DescribeEnd(row.snapshot->end);
  if (!words.empty()) words += "\n";
  if (HasLastProfile(row)) {
    return words + absl::StrFormat("its last profile is written: %s",
                                   OneLine(row.snapshot->dump_directory));
  }
  return words + absl::StrFormat("its profiles: limpet dump %s", OneLine(row.dump_target));
}

// Lines of a living process, each ended.
std::string WatchRemark(const ProcessRow& row) {
  const std::uint32_t watcher = WatcherOf(*row.snapshot);
  if (watcher != 0) return absl::StrFormat("watched by %d\n", watcher);
  const std::string waiting = DescribeWaitingRequests(*row.snapshot, row.pid);
  return waiting.empty() ? "" : waiting + "\n";
}

std::int64_t WaitingThreads(const SegmentSnapshot& snapshot) {
  return std::count_if(
      snapshot.threads.begin(), snapshot.threads.end(),
      [](const ThreadRecord& thread) { return thread.state == ThreadState::kParked; });
}

// Of a living process; what hooks know, no more.
std::string ThreadRemark(const ProcessRow& row) {
  const std::int64_t waiting = WaitingThreads(*row.snapshot);
  if (waiting == 0) return "";
  return absl::StrFormat("\n%d thread%s, %d waiting: limpet stacks %d", row.process->threads,
                         row.process->threads == 1 ? "" : "s", waiting, row.pid);
}

// What does not fit into a column.
std::string Remark(const ProcessRow& row) {
  if (!row.problem.empty()) return OneLine(row.problem);
  if (!row.snapshot.has_value()) return "traced, nothing sampled yet";
  if (!row.process.has_value()) return DeadRemark(row);
  return DescribeDumpSignal(*row.snapshot, row.pid) + "\n" + WatchRemark(row) +
         CoverageLine(CoverageOf(row)) + ThreadRemark(row);
}

// Numbers to the right, words to the left.
bool IsRightAligned(std::size_t column) { return column != 1 && column != 9; }

std::string Line(const Cells& cells, const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t column = 0; column < cells.size(); ++column) {
    const int width = static_cast<int>(widths[column]);
    if (column != 0) line += "  ";
    line += IsRightAligned(column) ? absl::StrFormat("%*s", width, cells[column])
                                   : absl::StrFormat("%-*s", width, cells[column]);
  }
  return line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
}

std::string Table(const std::vector<ProcessRow>& rows) {
  std::vector<Cells> lines = {{"PID", "STATE", "IN USE", "OBJECTS", "ALLOCATED", "SAMPLES", "RSS",
                               "INTERVAL", "LOSSES", "EXECUTABLE"}};
  for (const ProcessRow& row : rows) lines.push_back(CellsOf(row));
  std::vector<std::size_t> widths(lines.front().size());
  for (const Cells& cells : lines) {
    for (std::size_t column = 0; column < cells.size(); ++column) {
      widths[column] = std::max(widths[column], cells[column].size());
    }
  }
  widths.back() = 0;
  const std::string indent(widths[0] + 2, ' ');
  std::string text = Line(lines[0], widths);
  for (std::size_t index = 0; index < rows.size(); ++index) {
    text += Line(lines[index + 1], widths);
    const std::string remark = absl::StrReplaceAll(Remark(rows[index]), {{"\n", "\n" + indent}});
    text.append(indent).append(remark).append("\n");
    for (const Loss& loss : rows[index].losses) {
      text.append(indent).append(LossLine(loss)).append("\n");
    }
  }
  return text;
}

nlohmann::ordered_json SampledJson(const ProcessRow& row) {
  nlohmann::ordered_json json;
  const SegmentSnapshot& snapshot = *row.snapshot;
  json["start_ticks"] = snapshot.start_ticks;
  json["in_use_bytes"] = row.heap.in_use.Bytes();
  json["in_use_objects"] = row.heap.in_use.Objects();
  json["allocated_bytes"] = row.heap.allocated.Bytes();
  json["allocated_objects"] = row.heap.allocated.Objects();
  json["sample_interval_bytes"] = snapshot.sample_interval_bytes;
  json["threads_waiting"] = WaitingThreads(snapshot);
  json["dump_signal"] = DescribeDumpSignal(snapshot, row.pid);
  json["dump_requests_waiting"] = WaitingRequests(snapshot);
  if (WatcherOf(snapshot) != 0) json["watched_by"] = WatcherOf(snapshot);
  if (row.died_unix_ns != 0) {
    json["died_unix_ns"] = row.died_unix_ns;
    json["last_profile_written"] = HasLastProfile(row);
    if (const std::string end = DescribeEnd(snapshot.end); !end.empty()) json["end"] = end;
  }
  for (const auto& [name, value] : snapshot.counters) json["counters"][name] = value;
  json["losses"] = nlohmann::ordered_json::object();
  for (const Loss& loss : row.losses) json["losses"][loss.name] = loss.count;
  return json;
}

std::string Json(const std::vector<ProcessRow>& rows) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const ProcessRow& row : rows) {
    nlohmann::ordered_json json;
    json["pid"] = row.pid;
    json["executable"] = ValidUtf8(row.executable);
    json["state"] = row.state;
    if (!row.problem.empty()) json["problem"] = ValidUtf8(row.problem);
    if (row.process.has_value()) {
      json["rss_bytes"] = row.process->resident_bytes;
      json["rss_anonymous_bytes"] = row.process->resident_anonymous_bytes;
      json["threads"] = row.process->threads;
    }
    if (row.snapshot.has_value()) json.update(SampledJson(row));
    list.push_back(std::move(json));
  }
  return nlohmann::ordered_json{{"version", 1}, {"processes", std::move(list)}}.dump(2) + "\n";
}

}  // namespace

absl::StatusOr<int> PsCommand(const PsOptions& options) {
  TidySegments("");
  const std::vector<ProcessRow> rows = ListProcessRows();
  const absl::Status status = WriteStandardOutput(options.json ? Json(rows) : Table(rows));
  if (!status.ok()) return status;
  if (rows.empty() && !options.json) {
    absl::FPrintF(stderr, "no process is traced: start one by `limpet run -- COMMAND`\n");
  }
  return kExitOk;
}

}  // namespace limpet
