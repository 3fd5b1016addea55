// The places that a thread waits at in turn, each with the words that tell whether its stack is
// still the same: a server's loop polls, reads and writes, and never waits where it waited last.
//
//   tags[hash of the call][4] -> places[hash of the call][4]   {caller, words: slot = value ...,
//   StackId}
//
// One call may have several stacks, by which it is reached in turn: each is a place. A place is
// remembered when it is walked again soon: what waits once, for long, costs no page of memory more.
//
// Runs: target hot path (slow side).  Threads: one owner.  Allocates: never; six pages a thread,
// touched by those that wait again and again.
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
    std::uint64_t hash = HashOf(caller);
    const Set& set = sets_[IndexOf(hash)];
    for (std::uint32_t way = 0; way < kWays; ++way) {
      if (set.tags[way] != TagOf(hash)) continue;
      const WaitPlace& place = places_[IndexOf(hash)][way];
      if (MayBe(place, caller, own, present) && AreSameWords(place.words, place.word_count))
        return place.stack;
    }
    return WalkedFrame::kNoNode;
  }

  // That it is `stack`, by the walk that has just been there; of the segment of `epoch`.
  void Note(const sys::CallerFrame& caller, const RememberedWalk& walk, StackId stack,
            std::uint32_t epoch);

 private:
  static constexpr std::uint32_t kSetBits = 3;
  static constexpr std::uint32_t kWays = 4;
  static constexpr std::uint32_t kRecentWalks = 4;

  struct alignas(64) Set {
    std::uint32_t tags[kWays];
    std::uint32_t recent[kRecentWalks];  // hashes of places that were walked, not remembered
    std::uint32_t oldest_walk;
    std::uint32_t oldest_way;
  };

  static std::uint64_t HashOf(const sys::CallerFrame& caller) {
    return (caller.return_address ^ caller.stack_pointer) * 0x9E3779B97F4A7C15U;
  }
  static std::uint32_t IndexOf(std::uint64_t hash) {
    return static_cast<std::uint32_t>(hash >> (64 - kSetBits));
  }
  static std::uint32_t TagOf(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 16); }

  static bool MayBe(const WaitPlace& place, const sys::CallerFrame& caller, const StackBounds& own,
                    Present present) {
    return place.word_count != 0 && place.IsCalledBy(caller) &&
           place.generation == present.generation && place.epoch == present.epoch &&
           own.Holds(caller.stack_pointer) && place.outermost <= own.high;
  }

  static bool IsWalkedAgain(std::uint32_t hash, Set* set);
  std::uint32_t WayFor(const sys::CallerFrame& caller, StackId stack);
  static void Fill(const sys::CallerFrame& caller, const RememberedWalk& walk, StackId stack,
                   std::uint32_t epoch, WaitPlace* place);

  Set sets_[1U << kSetBits];
  WaitPlace places_[1U << kSetBits][kWays];
};

}  // namespace limpet
