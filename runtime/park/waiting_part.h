// The waiting part of a thread's slot, written so that a reader can tell a whole one from a
// mixture.
//
//   sequence 6 -> 7   reason, object, since, stack ...   7 -> 8
//   a handler in between:    7 -> 9 -> 10 (its own wait, readable)   10 -> 11 (as it was)
//                            then   11 -> 12
//
// Only the thread itself writes here, and its signal handlers, which leave all as they found it:
// what they interrupted goes on writing. x86 keeps the order of stores, so no fence is needed but
// the compiler's.
//
// Runs: target hot path (slow side).  Threads: the slot's own; async-signal-safe.  Allocates:
// never.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/layout/thread_slot.h"
#include "runtime/park/wait.h"
#include "runtime/sys/cheap_atomic.h"

namespace limpet {

struct WaitingPart {
  Wait wait;
  std::uint64_t since_ns;
  StackId stack;
  ThreadState state;
};

inline bool IsOpen(const ThreadSlot& slot) {
  return slot.sequence.load(std::memory_order_relaxed) % 2 != 0;
}

// What a writer left open that was left by a jump. `was_open`: it interrupted another, which is
// there.
[[gnu::always_inline]] inline void CloseUnless(bool was_open, ThreadSlot& slot) {
  if (IsOpen(slot) && !was_open) sys::AddOwn32(slot.sequence, 1);
}

// Opens the waiting part on construction; on destruction closes it, or leaves it open where it was.
class WaitingPartWriter {
 public:
  [[gnu::always_inline]] WaitingPartWriter(ThreadSlot& slot, bool stays_open)
      : slot_(slot), stays_open_(stays_open) {
    // One instruction: a handler before it may have counted on, and left it as odd or even.
    sys::AddOwn32(slot.sequence, 1 + slot.sequence.load(std::memory_order_relaxed) % 2);
    std::atomic_thread_fence(std::memory_order_release);
  }
  [[gnu::always_inline]] ~WaitingPartWriter() {
    std::atomic_thread_fence(std::memory_order_release);
    // Not simply one more: a handler that was entered into the same slot meanwhile has closed it.
    if (!stays_open_)
      sys::AddOwn32(slot_.sequence, slot_.sequence.load(std::memory_order_relaxed) % 2);
  }
  WaitingPartWriter(const WaitingPartWriter&) = delete;
  WaitingPartWriter& operator=(const WaitingPartWriter&) = delete;

  [[gnu::always_inline]] void Write(const Wait& wait, std::uint64_t since_ns, StackId stack,
                                    ThreadState state) {
    constexpr auto kRelaxed = std::memory_order_relaxed;
    slot_.reason.store(wait.reason, kRelaxed);
    slot_.object.store(wait.object, kRelaxed);
    slot_.since_ns.store(since_ns, kRelaxed);
    slot_.stack.store(stack, kRelaxed);
    slot_.descriptor.store(wait.descriptor, kRelaxed);
    slot_.timeout_ns.store(wait.timeout_ns, kRelaxed);
    slot_.owner_thread_id.store(wait.owner_thread_id, kRelaxed);
    slot_.state.store(state, kRelaxed);
  }
  void Write(const WaitingPart& part) { Write(part.wait, part.since_ns, part.stack, part.state); }

 private:
  ThreadSlot& slot_;
  bool stays_open_;
};

// By the thread itself, which needs no sequence.
inline WaitingPart ReadWaitingPart(const ThreadSlot& slot) {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  return {.wait = {.reason = slot.reason.load(kRelaxed),
                   .descriptor = slot.descriptor.load(kRelaxed),
                   .object = slot.object.load(kRelaxed),
                   .timeout_ns = slot.timeout_ns.load(kRelaxed),
                   .owner_thread_id = slot.owner_thread_id.load(kRelaxed)},
          .since_ns = slot.since_ns.load(kRelaxed),
          .stack = slot.stack.load(kRelaxed),
          .state = slot.state.load(kRelaxed)};
}

}  // namespace limpet
