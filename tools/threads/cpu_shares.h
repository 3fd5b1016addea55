// How much of a CPU threads take that run, by what the kernel counts for each at two moments.
//
//   schedstat:   81234567 ...    first look
//   schedstat:  101234567 ...    20 ms later: all of one CPU
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "tools/threads/task_list.h"

namespace limpet {

class CpuShares {
 public:
  // Of so many at most: a dump does not wait for more.
  static constexpr std::size_t kMaxThreads = 64;

  void LookFirst(std::uint32_t thread_id, const TaskFiles& files);

  // Waits until the first look is long enough ago, where there was one.
  void Wait() const;
  // Percent of one CPU since the first look; absent: it was not looked at, or has ended.
  std::optional<std::uint32_t> PercentOf(std::uint32_t thread_id) const;

 private:
  struct FirstLook {
    TaskFiles files;
    std::uint64_t cpu_ns = 0;
    std::uint64_t monotonic_ns = 0;
  };
  std::map<std::uint32_t, FirstLook> looks_;
};

}  // namespace limpet
