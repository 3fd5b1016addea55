#include "tools/store/process_record.h"

#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "tools/profile/loss.h"
#include "tools/reader/clock.h"
#include "tools/reader/process_end.h"
#include "tools/store/dump_name.h"
#include "tools/store/dump_path.h"

namespace limpet {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr const char* kReasons[] = {"signal",    "exit",   "interval", "growth",
                                    "highwater", "cgroup", "death",    kReasonDemand};

BootClock ThisMachine() {
  return {.boot_unix_ns = static_cast<std::int64_t>(BootUnixNs()),
          .ticks_per_second = sysconf(_SC_CLK_TCK)};
}

std::string BuildIdOf(const SegmentSnapshot& snapshot) {
  for (const ModuleRecord& module : snapshot.modules) {
    if (!module.path.empty() && module.path == snapshot.executable) return module.build_id;
  }
  return "";
}

}  // namespace

ProcessRecord RecordOf(const SegmentSnapshot& snapshot) {
  ProcessRecord record{
      .executable = snapshot.executable,
      .build_id = BuildIdOf(snapshot),
      .program = ProgramOf(snapshot),
      .command_line = snapshot.command_line,
      .pid = snapshot.pid,
      .parent_pid = snapshot.parent_pid,
      .uid = snapshot.uid,
      .started = IsoTime(FormatUtc(StartUnixNs(snapshot, ThisMachine()))),
      .sample_interval_bytes = snapshot.sample_interval_bytes,
      .end = DescribeEnd(snapshot.end),
  };
  for (const Loss& loss : ListLosses(snapshot)) record.losses[loss.name] = loss.count;
  return record;
}

std::int64_t StartUnixNs(const SegmentSnapshot& snapshot, const BootClock& clock) {
  const auto created = static_cast<std::int64_t>(
      std::min<std::uint64_t>(snapshot.created_unix_ns, INT64_MAX - kNsPerSecond));
  const auto ticks_per_second = static_cast<std::uint64_t>(clock.ticks_per_second);
  const std::uint64_t seconds = snapshot.start_ticks / ticks_per_second;
  const std::uint64_t rest = snapshot.start_ticks % ticks_per_second;
  constexpr std::uint64_t kMaxSeconds = 1'000'000'000;  // thirty years since boot: forged
  if (seconds > kMaxSeconds) return created;
  const std::int64_t started =
      clock.boot_unix_ns +
      static_cast<std::int64_t>(seconds * kNsPerSecond + rest * kNsPerSecond / ticks_per_second);
  if (created == 0) return started;  // no segment yet
  // The clock may have been set a little since.
  const bool is_this_boot = clock.boot_unix_ns <= created && started <= created + kNsPerSecond;
  return is_this_boot ? started : created;
}

std::string KnownReason(const std::string& reason) {
  if (reason.empty()) return kReasonDemand;
  const bool is_known =
      std::find(std::begin(kReasons), std::end(kReasons), reason) != std::end(kReasons);
  return is_known ? reason : kReasonUnknown;
}

}  // namespace limpet
