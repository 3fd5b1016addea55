#include "tools/cli/thread_look.h"

#include "tools/cli/dump_target.h"
#include "tools/profile/profile_builder.h"
#include "tools/profile/thread_lister.h"
#include "tools/reader/perf_map.h"
#include "tools/symbol/elf_symbolizer.h"

namespace limpet {

absl::StatusOr<ThreadDump> LookAtThreads(const std::string& target) {
  const absl::StatusOr<DumpTarget> found =
      FindDumpTarget({.target = target, .profiles = {kGoroutineProfile}});
  if (!found.ok()) return found.status();
  ElfSymbolizer symbolizer(
      DebugPlace{.root = found->process ? ForeignRootOf(*found->process) : ""});
  const PerfMap jit_names = PerfMap::Load(found->snapshot.pid, found->snapshot.owner_uid);
  ProfileBuilder builder(found->snapshot, symbolizer, &jit_names);
  return builder.BuildThreads({.time_unix_ns = SnapshotTime(*found),
                               .monotonic_ns = MonotonicTime(*found),
                               .is_alive = found->IsRunning()});
}

}  // namespace limpet
