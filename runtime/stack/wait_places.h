// The places that a thread waits at in turn, each with the words that tell whether its stack is
// still the same: a server's loop polls, reads and writes, and never waits where it waited last.
//
//   places[hash of the call][2]   {caller, words: slot = value ..., StackId}
//
// A place is remembered when it is walked twice without another one of its hash in between: what
// waits once, for long, costs no page of memory more.
//
// Runs: target hot path (slow side).  Threads: one owner.  Allocates: never; three pages a
// thread, touched by those that wait again and again.
#pragma once

#include <cstdint>

#include "runtime/stack/remembered_walk.h"
#include "runtime/stack/stack_bounds.h"
#include "runtime/stack/stack_words.h"
#include "runtime/sys/caller_frame.h"

namespace limpet {

// What a call asks of it first lies on one cache line: the kernel has used the others meanwhile.
struct alignas(64) WaitPlace {
  static constexpr std::uint32_t kMaxWords = 40;

  std::uint64_t return_address;
  std::uint64_t stack_pointer;
  std::uint64_t frame_pointer;
  std::uint64_t outermost;   // stack pointer of the first frame: the words lie below it
  std::uint32_t word_count;  // a multiple of RememberedWalk::kWordsAtOnce; 0: no stack yet
  std::uint32_t generation;  // of the rule cache
  std::uint32_t epoch;       // of the segment that has the stack
  StackId stack;
  bool needs_frame_pointer;  // the way outwards depends on it
  StackWord words[kMaxWords];

  bool IsCalledBy(const sys::CallerFrame& caller) const {
    return return_address == caller.return_address && stack_pointer == caller.stack_pointer &&
           (!needs_frame_pointer || frame_pointer == caller.frame_pointer);
  }
};

class WaitPlaces {
 public:
  // Of what is asked for: the rules and the segment as they are now.
  struct Present {
    std::uint32_t generation;
    std::uint32_t epoch;
  };

  // The stack at `caller`, which lies on `own`; kNoNode: not known.
  StackId Find(const sys::CallerFrame& caller, const StackBounds& own, Present present) const {
    const WaitPlace* ways = places_[IndexOf(caller)];
    const WaitPlace& place = ways[ways[0].IsCalledBy(caller) ? 0 : 1];
    bool may_look = place.word_count != 0 && place.IsCalledBy(caller) &&
                    place.generation == present.generation && place.epoch == present.epoch &&
                    own.Holds(caller.stack_pointer) && place.outermost <= own.high;
    bool is_same = may_look && AreSameWords(place.words, place.word_count);
    return is_same ? place.stack : WalkedFrame::kNoNode;
  }

  // That it is `stack`, by the walk that has just been there; of the segment of `epoch`.
  void Note(const sys::CallerFrame& caller, const RememberedWalk& walk, StackId stack,
            std::uint32_t epoch);

 private:
  static constexpr std::uint32_t kSetBits = 3;
  static constexpr std::uint32_t kWays = 2;

  static std::uint64_t HashOf(const sys::CallerFrame& caller) {
    return (caller.return_address ^ caller.stack_pointer) * 0x9E3779B97F4A7C15U;
  }
  static std::uint32_t IndexOf(const sys::CallerFrame& caller) {
    return static_cast<std::uint32_t>(HashOf(caller) >> (64 - kSetBits));
  }

  static void Fill(const sys::CallerFrame& caller, const RememberedWalk& walk, StackId stack,
                   std::uint32_t epoch, WaitPlace* place);

  struct LastWalk {
    std::uint64_t hash;
    std::uint32_t newest_way;
  };
  LastWalk last_walks_[1U << kSetBits];
  WaitPlace places_[1U << kSetBits][kWays];
};

}  // namespace limpet
