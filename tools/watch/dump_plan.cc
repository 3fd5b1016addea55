#include "tools/watch/dump_plan.h"

#include <algorithm>

namespace limpet {
namespace {

// A new process reaches a new height with each block; below this much nobody looks for a leak.
constexpr std::uint64_t kLeastHighwaterBytes = 1 << 20;
// Between dumps that the process's own memory asks for: one that grows fast would be dumped always.
constexpr std::uint64_t kLeastPauseNs = 1'000'000'000;

// Numbers of requests, which may wrap.
bool IsAfter(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) > 0; }

}  // namespace

const char* NameOf(DumpReason reason) {
  switch (reason) {
    case DumpReason::kSignal:
      return "signal";
    case DumpReason::kInterval:
      return "interval";
    case DumpReason::kGrowth:
      return "growth";
    case DumpReason::kHighwater:
      return "highwater";
    case DumpReason::kCgroup:
      return "cgroup";
    case DumpReason::kDeath:
      return "death";
    case DumpReason::kNone:
      break;
  }
  return "none";
}

DumpPlan::DumpPlan(const WatchSettings& settings, std::uint64_t start_ns,
                   std::uint32_t answered_requests)
    : settings_(settings),
      next_ns_(start_ns + settings.dump_interval_ns),
      answered_requests_(answered_requests) {}

bool DumpPlan::NeedsInUse() const {
  return settings_.dump_growth_bytes != 0 || settings_.dump_highwater_percent != 0;
}

DumpReason DumpPlan::Next(const Observation& seen) {
  if (IsAfter(seen.answered_requests, answered_requests_)) {
    answered_requests_ = seen.answered_requests;
  }
  const bool is_asked = IsAfter(seen.dump_requests, answered_requests_);
  const bool is_near = seen.memory.has_value() && IsNewlyNearLimit(*seen.memory);
  const bool may_react = seen.now_ns >= last_dump_ns_ + kLeastPauseNs && seen.in_use.has_value();
  DumpReason reason = DumpReason::kNone;
  if (is_near) {
    reason = DumpReason::kCgroup;
  } else if (is_asked) {
    reason = DumpReason::kSignal;
  } else if (may_react && HasGrown(*seen.in_use)) {
    reason = DumpReason::kGrowth;
  } else if (may_react && IsHigherThanEver(*seen.in_use)) {
    reason = DumpReason::kHighwater;
  } else if (settings_.dump_interval_ns != 0 && seen.now_ns >= next_ns_) {
    reason = DumpReason::kInterval;
  }
  if (reason != DumpReason::kNone) {
    Begin(seen);
  } else {
    lowest_bytes_ = std::min(lowest_bytes_, seen.in_use.value_or(lowest_bytes_));
  }
  return reason;
}

bool DumpPlan::HasGrown(std::uint64_t in_use) const {
  return settings_.dump_growth_bytes != 0 && in_use > lowest_bytes_ &&
         in_use - lowest_bytes_ >= settings_.dump_growth_bytes;
}

bool DumpPlan::IsHigherThanEver(std::uint64_t in_use) const {
  const std::uint64_t percent = settings_.dump_highwater_percent;
  if (percent == 0 || in_use < kLeastHighwaterBytes) return false;
  return in_use >= highest_bytes_ + highest_bytes_ / 100 * percent;
}

bool DumpPlan::IsNewlyNearLimit(const MemoryLimit& memory) {
  const bool was_near = is_near_limit_;
  is_near_limit_ =
      memory.used_bytes / 100 >= memory.limit_bytes / 10000 * settings_.dump_cgroup_percent;
  return is_near_limit_ && !was_near;
}

void DumpPlan::Begin(const Observation& seen) {
  last_dump_ns_ = seen.now_ns;
  answered_requests_ = seen.dump_requests;
  lowest_bytes_ = seen.in_use.value_or(lowest_bytes_);
  highest_bytes_ = std::max(highest_bytes_, lowest_bytes_);
  // Any dump counts for the interval; one that was missed (suspend) is not made up for.
  next_ns_ = seen.now_ns + settings_.dump_interval_ns;
}

}  // namespace limpet
