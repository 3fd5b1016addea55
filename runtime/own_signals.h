// The signals of our own, and what became of each in this process.
//
// Runs: target.  Threads: any.  Allocates: never.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/layout/segment.h"

namespace limpet {

enum class OwnSignal : std::uint8_t { kDump = 0, kStack = 1, kNone = 2 };

// Children inherit them, as they do the handlers.
struct OwnSignalStates {
  std::atomic<SignalState> dump = SignalState::kOff;
  std::atomic<SignalState> stack = SignalState::kOff;

  std::atomic<SignalState>& Of(OwnSignal which) { return which == OwnSignal::kDump ? dump : stack; }
};

}  // namespace limpet
