// The places that a thread waits at in turn, each with what tells whether its stack is still the
// same: a server's loop polls, reads and writes, and never waits where it waited last.
//
//   places[hash of the call][4]   {call, slots: distances from its stack pointer,
//                                  mark: hash of what lies in them} -> StackId
//
// One call may have several stacks, by which it is reached in turn: each is a place. A place is
// remembered when it is walked again soon: what waits once, for long, costs no page of memory more.
//
// The kernel has used the caches meanwhile, so what is looked at counts more than what is computed:
// a stack of ten functions is one cache line here, where its words themselves were five.
//
// Runs: target hot path (slow side).  Threads: one owner.  Allocates: never; a page and a bit a
// thread, touched by those that wait again and again.
#pragma once

#include <bit>
#include <cstdint>

#include "runtime/stack/remembered_walk.h"
#include "runtime/stack/stack_bounds.h"
#include "runtime/stack/stack_words.h"
#include "runtime/sys/caller_frame.h"

namespace limpet {

struct alignas(64) WaitPlace {
  static constexpr std::uint32_t kMaxWords = 48;

  std::uint64_t call;  // where it returns to, and its stack pointer
  StackMark mark;      // of the caller's registers and of the words
  StackId stack;
  StackDistance reach;       // of the first frame's stack pointer: the slots lie below it
  std::uint8_t word_count;   // a multiple of kWordsAtOnce; 0: no stack yet, and no mark fits
  bool needs_frame_pointer;  // the way outwards depends on it
  StackDistance slots[kMaxWords];
};
static_assert(sizeof(WaitPlace) == 128);

class WaitPlaces {
 public:
  // Of what is asked for: the rules and the segment as they are now.
  struct Present {
    std::uint32_t generation;
    std::uint32_t epoch;
  };

  // The stack at `caller`, which lies on `own`; kNoNode: not known. The first place of the call is
  // nearly always the one.
  [[gnu::always_inline]] StackId Find(const sys::CallerFrame& caller, const StackBounds& own,
                                      Present present) const {
    const std::uint64_t call = CallOf(caller);
    const Set& set = sets_[IndexOf(call)];
    const WaitPlace* const place = NextOf(call, set.places, set);
    if (place == nullptr) return WalkedFrame::kNoNode;
    if (IsSame(*place, caller, own, present)) [[likely]]
      return place->stack;
    return FindBehind(place, caller, own, present);
  }

  // That it is `stack`, by the walk that has just been there; of the segment of `epoch`.
  void Note(const sys::CallerFrame& caller, const RememberedWalk& walk, StackId stack,
            std::uint32_t epoch);

 private:
  static constexpr std::uint32_t kSetBits = 3;
  static constexpr std::uint32_t kWays = 4;
  static constexpr std::uint32_t kRecentWalks = 4;

  struct Set {
    WaitPlace places[kWays];
  };
  // Of a set: what is asked only where a place is not known.
  struct Past {
    std::uint32_t recent[kRecentWalks];  // hashes of places that were walked, not remembered
    std::uint32_t oldest_walk;
    std::uint32_t oldest_way;
  };

  // One to one in either register.
  static std::uint64_t CallOf(const sys::CallerFrame& caller) {
    return (caller.return_address ^ std::rotl(caller.stack_pointer, 32)) * 0x9E3779B97F4A7C15U;
  }
  static std::uint32_t IndexOf(std::uint64_t call) {
    return static_cast<std::uint32_t>(call >> (64 - kSetBits));
  }
  // nullptr: none from `place` on.
  static const WaitPlace* NextOf(std::uint64_t call, const WaitPlace* place, const Set& set) {
    for (; place != set.places + kWays; ++place)
      if (place->call == call) return place;
    return nullptr;
  }
  static bool IsSame(const WaitPlace& place, const sys::CallerFrame& caller, const StackBounds& own,
                     Present present) {
    return MayBeRead(place, caller, own) &&
           MarkerOf(place.needs_frame_pointer, caller, present)
                   .Mark(caller.stack_pointer, place.slots, place.word_count) == place.mark;
  }
  static bool MayBeRead(const WaitPlace& place, const sys::CallerFrame& caller,
                        const StackBounds& own) {
    return own.Holds(caller.stack_pointer) &&
           place.reach * StackMemory::kWordBytes <= own.high - caller.stack_pointer;
  }
  static StackMarker MarkerOf(bool needs_frame_pointer, const sys::CallerFrame& caller,
                              Present present) {
    return {caller.return_address, needs_frame_pointer ? caller.frame_pointer : 0,
            std::uint64_t{present.generation} << 32 | present.epoch};
  }

  StackId FindBehind(const WaitPlace* place, const sys::CallerFrame& caller, const StackBounds& own,
                     Present present) const;
  static bool IsWalkedAgain(std::uint32_t hash, Past* past);
  std::uint32_t WayFor(std::uint32_t index, std::uint64_t call, StackId stack);
  static std::uint32_t MarkStack(const sys::CallerFrame& caller, const RememberedWalk& walk,
                                 std::uint32_t epoch, WaitPlace* place);

  Set sets_[1U << kSetBits];
  Past pasts_[1U << kSetBits];
};

}  // namespace limpet
