// Dump requests that the process itself sees to: a watcher that comes meanwhile need not write them
// again.
//
// Runs: target, dump signal.  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/layout/segment.h"

namespace limpet {

// All up to `requests`; never backwards, whoever else claims.
inline void ClaimRequests(SegmentHeader* header, std::uint32_t requests) {
  constexpr int kTries = 16;  // each is lost to one who claims
  std::atomic<std::uint32_t>& answered = header->watch_state.answered_requests;
  std::uint32_t known = answered.load(std::memory_order_relaxed);
  for (int i = 0; i < kTries; ++i) {
    bool is_claimed = static_cast<std::int32_t>(requests - known) <= 0;
    if (is_claimed || answered.compare_exchange_weak(known, requests, std::memory_order_relaxed))
      return;
  }
}

}  // namespace limpet
