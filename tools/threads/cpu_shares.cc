#include "tools/threads/cpu_shares.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "tools/reader/clock.h"

namespace limpet {
namespace {

// Longer than the slice that a thread has to itself on a CPU that others want, too.
constexpr std::uint64_t kSpanNs = 20'000'000;

}  // namespace

void CpuShares::LookFirst(std::uint32_t thread_id, const TaskFiles& files) {
  if (looks_.size() == kMaxThreads) return;
  const std::optional<std::uint64_t> cpu_ns = files.CpuNs();
  if (cpu_ns.has_value()) looks_.insert({thread_id, {files, *cpu_ns, MonotonicNs()}});
}

void CpuShares::Wait() const {
  std::uint64_t last_ns = 0;
  for (const auto& [thread_id, look] : looks_) last_ns = std::max(last_ns, look.monotonic_ns);
  const std::uint64_t now_ns = MonotonicNs();
  if (looks_.empty() || now_ns >= last_ns + kSpanNs) return;
  std::this_thread::sleep_for(std::chrono::nanoseconds(last_ns + kSpanNs - now_ns));
}

std::optional<std::uint32_t> CpuShares::PercentOf(std::uint32_t thread_id) const {
  const auto look = looks_.find(thread_id);
  if (look == looks_.end()) return std::nullopt;
  const std::optional<std::uint64_t> cpu_ns = look->second.files.CpuNs();
  const std::uint64_t passed_ns = MonotonicNs() - look->second.monotonic_ns;
  if (!cpu_ns.has_value() || passed_ns == 0) return std::nullopt;
  const std::uint64_t taken_ns = *cpu_ns - std::min(*cpu_ns, look->second.cpu_ns);
  return static_cast<std::uint32_t>(std::min(taken_ns * 100 / passed_ns, std::uint64_t{100}));
}

}  // namespace limpet
