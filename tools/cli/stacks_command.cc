#include <cstdint>
#include <cstdio>
#include <string>

#include "absl/strings/str_format.h"
#include "runtime/setting/value_grammar.h"
#include "tools/cli/commands.h"
#include "tools/cli/stacks_json.h"
#include "tools/cli/thread_look.h"
#include "tools/profile/thread_filter.h"
#include "tools/profile/thread_summary.h"
#include "tools/render/goroutine_writer.h"
#include "tools/render/stacks_writer.h"
#include "tools/store/output_file.h"

namespace limpet {
namespace {

absl::StatusOr<std::uint64_t> LeastWait(const StacksOptions& options) {
  std::uint64_t least_ns = 0;
  if (options.blocked.empty() || ParseDuration(options.blocked.c_str(), &least_ns)) return least_ns;
  return absl::InvalidArgumentError(absl::StrFormat(
      "--blocked '%s' is no span of time: write 500ms, 5s, 1h30m", options.blocked));
}

// Go's form has no room for what is not a thread.
void SayWhatIsLeftOut(const ThreadDump& dump) {
  const std::string line = LeftOutLine(dump);
  if (!line.empty()) absl::FPrintF(stderr, "limpet: %s\n", line);
}

absl::Status Print(const ThreadDump& dump, const StacksOptions& options) {
  if (options.json) return WriteStacksJson(dump, WriteStandardOutput);
  if (!options.go) return WriteStandardOutput(WriteStacks(dump));
  SayWhatIsLeftOut(dump);
  return WriteStandardOutput(WriteGoroutines(dump));
}

}  // namespace

absl::StatusOr<int> StacksCommand(const StacksOptions& options) {
  const absl::StatusOr<std::uint64_t> least_ns = LeastWait(options);
  if (!least_ns.ok()) return least_ns.status();
  absl::StatusOr<ThreadDump> dump = LookAtThreads(options.target);
  if (!dump.ok()) return dump.status();
  KeepBlocked(*least_ns, *dump);
  const absl::Status status = Print(*dump, options);
  if (!status.ok()) return status;
  return kExitOk;
}

}  // namespace limpet
