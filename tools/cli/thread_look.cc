#include "tools/cli/thread_look.h"

#include "tools/cli/dump_target.h"
#include "tools/profile/profile_builder.h"
#include "tools/profile/thread_lister.h"
#include "tools/reader/perf_map.h"
#include "tools/symbol/elf_symbolizer.h"

namespace limpet {

absl::StatusOr<ThreadDump> LookAtThreads(const std::string& name) {
  const absl::StatusOr<DumpTarget> target =
      FindDumpTarget({.target = name, .profiles = {kGoroutineProfile}});
  if (!target.ok()) return target.status();
  ElfSymbolizer symbolizer(
      DebugPlace{.root = target->process ? ForeignRootOf(*target->process) : ""});
  const PerfMap jit_names = PerfMap::Load(target->snapshot.pid, target->snapshot.owner_uid);
  ProfileBuilder builder(target->snapshot, symbolizer, &jit_names);
  return builder.BuildThreads({.time_unix_ns = SnapshotTime(*target),
                               .monotonic_ns = MonotonicTime(*target),
                               .is_alive = target->IsRunning()});
}

}  // namespace limpet
