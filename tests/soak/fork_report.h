// What a forker and its children tell their judge through a pipe, one write each.
//
// Runs: programs of the soak, and those that judge them.  Threads: plain data.  Allocates: never.
#pragma once

#include <cstdint>

namespace limpet {

enum class ReportKind : std::uint32_t {
  kChild,  // a child stands still, to be judged
  kWrong,  // a child did not end as it should
  kEnd,    // the forker itself stands still; all its threads but the first are gone
};

enum class Ending : std::uint32_t { kExit, kUnderscoreExit, kExec, kKill, kQuickExit };
inline constexpr std::uint32_t kEndings = 5;

struct ForkReport {
  ReportKind kind;
  std::uint32_t pid;
  std::uint32_t process;  // index in the log
  Ending ending;
  std::int32_t status;  // of waitpid
};

}  // namespace limpet
