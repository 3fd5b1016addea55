// Totals of what threads did at one stack, but for memory: waits by reason, waits of others that
// they made last, threads made.
//
//   key = stack | kind << 32      events, duration: of all such events, estimated from samples
//
// Entries lie where a hash of their key puts them, so most are free, and none is ever given back.
// What is still under way is not here: a reader adds the waits of parked ThreadSlots.
//
// Runs: target hot path (slow side) | companion.  Threads: relaxed adds.  Allocates: never.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

#include "runtime/layout/stack_node.h"
#include "runtime/layout/wait_reason.h"

namespace limpet {

// Below kThreadCreation: a wait for the WaitReason of this number, its duration how long it was.
enum class EventKind : std::uint32_t {
  kNone = 0,
  kThreadCreation = 256,  // no duration
  // Plus a WaitReason: a wait for it that was made last at this stack, by who had what was waited
  // for; its duration is the part of the wait that this one made. Events count where the wait
  // ended.
  kRelease = 512,
};
constexpr EventKind EventOf(WaitReason reason) { return static_cast<EventKind>(reason); }
constexpr EventKind ReleaseFor(WaitReason reason) {
  return EventKind{static_cast<std::uint32_t>(EventKind::kRelease) +
                   static_cast<std::uint32_t>(reason)};
}

struct alignas(32) EventSite {             // two to a line of the processor's cache
  std::atomic<std::uint64_t> key;          // 0: free
  std::atomic<std::uint64_t> events;       // estimate, units of 2^-kWeightBits
  std::atomic<std::uint64_t> duration_ns;  // of all of them
};
static_assert(sizeof(EventSite) == 32 && std::is_standard_layout_v<EventSite>);

inline constexpr int kEventKindShift = 32;
constexpr std::uint64_t EventKey(StackId stack, EventKind kind) {
  return static_cast<std::uint64_t>(kind) << kEventKindShift | static_cast<std::uint32_t>(stack);
}
constexpr StackId StackOfEvent(std::uint64_t key) {
  return StackId{static_cast<std::uint32_t>(key)};
}
constexpr EventKind KindOfEvent(std::uint64_t key) {
  return EventKind{static_cast<std::uint32_t>(key >> kEventKindShift)};
}

}  // namespace limpet
