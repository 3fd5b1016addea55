// When the profiles of one watched process are to be written. Pure: no clock, no file.
//
//   interval   LIMPET_EVERY after the last, from the moment the segment was made
//   growth     in use >= the lowest since the last dump + LIMPET_DUMP_ON=growth:
//   highwater  in use >= highest that was dumped * (1 + N%)
//   cgroup     used >= N% of the memory limit; again only after it was lower
//
// Runs: companion.  Threads: one.  Allocates: never.
#pragma once

#include <cstdint>
#include <optional>

#include "runtime/layout/watch.h"
#include "tools/reader/memory_limit.h"

namespace limpet {

enum class DumpReason { kNone, kSignal, kInterval, kGrowth, kHighwater, kCgroup, kDeath };

// As `limpet dump --reason` takes it.
const char* NameOf(DumpReason reason);

// What was seen of a process at one moment.
struct Observation {
  std::uint64_t now_ns = 0;             // CLOCK_MONOTONIC
  std::uint32_t dump_requests = 0;      // signals so far
  std::uint32_t answered_requests = 0;  // by others: those of before are done
  std::optional<std::uint64_t> in_use;  // bytes; absent: not looked at
  std::optional<MemoryLimit> memory;    // absent: no limit, or not looked at
};

class DumpPlan {
 public:
  // `answered_requests`: those of before are done.
  DumpPlan(const WatchSettings& settings, std::uint64_t start_ns, std::uint32_t answered_requests);

  bool NeedsInUse() const;
  bool NeedsMemoryLimit() const { return settings_.dump_cgroup_percent != 0; }

  // The most urgent reason to dump now, kNone: there is none. What it counted as seen is not
  // reported twice.
  DumpReason Next(const Observation& seen);

 private:
  bool HasGrown(std::uint64_t in_use) const;
  bool IsHigherThanEver(std::uint64_t in_use) const;
  bool IsNewlyNearLimit(const MemoryLimit& memory);
  void Begin(const Observation& seen);

  WatchSettings settings_;
  std::uint64_t next_ns_;  // of the interval
  std::uint64_t last_dump_ns_ = 0;
  std::uint32_t answered_requests_;
  std::uint64_t lowest_bytes_ = 0;   // in use, since the last dump
  std::uint64_t highest_bytes_ = 0;  // in use, of all dumps
  bool is_near_limit_ = false;
};

}  // namespace limpet
