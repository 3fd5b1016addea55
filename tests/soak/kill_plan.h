// How a victim is traced, and when it is killed; the same for the same seed.
//
//   .2  while it starts                      .3  about when its segment is made
//   .47 in its first 150 ms                  .03 after seconds
//
// One in ten ends by itself at about that time.
//
// Runs: judges of the soak.  Threads: any.  Allocates: never.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>

namespace limpet {

inline constexpr std::uint64_t kSampledBytes = 4096;

// What the time until the kill is counted from: a busy machine makes any start long.
enum class Since { kFork, kDirectory, kMain };

struct KillPlan {
  std::uint64_t sample_bytes = 1;
  Since since = Since::kMain;
  double delay_ms = 0;
  int life_ms = 600'000;
};

inline KillPlan PlanKill(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  auto uniform = [&](double from, double to) {
    return std::uniform_real_distribution<double>(from, to)(random);
  };
  auto log_uniform = [&](double from, double to) {
    return std::exp(uniform(std::log(from), std::log(to)));
  };
  KillPlan plan{.sample_bytes = seed % 2 == 0 ? 1 : kSampledBytes};
  const double kind = uniform(0, 1);
  if (kind < 0.5) {
    plan.since = kind < 0.2 ? Since::kFork : Since::kDirectory;
    plan.delay_ms = kind < 0.2 ? log_uniform(0.3, 30) : log_uniform(0.001, 5);
  } else {
    plan.delay_ms = uniform(0, kind < 0.97 ? 150 : 2500);
  }
  if (uniform(0, 1) < 0.1) plan.life_ms = static_cast<int>(plan.delay_ms * uniform(0.5, 1));
  return plan;
}

}  // namespace limpet
