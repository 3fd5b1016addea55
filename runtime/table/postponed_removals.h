// Ranges that a thread could not remove from the mapping table because another one held the slot.
// They are left here for the holder, so that nobody waits: not for a thread that was suspended, and
// not, in a signal handler, for the very code that it interrupted.
//
//   leaver: Leave() ; tries the slot once more         holder: lets the slot go ; Take()s all
//
// Sequentially consistent on both sides: either the leaver finds the slot free, or the holder finds
// what was left.
//
// Runs: target hot path (slow side, only with LIMPET_MMAP).  Threads: any; async-signal-safe,
// lock-free.  Allocates: never.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/table/address_range.h"

namespace limpet {

// Of what was recorded before `moment`.
struct Removal {
  AddressRange range;
  std::uint64_t moment;
  std::uint64_t first_slot = 0;  // it is done with those before
};

class PostponedRemovals {
 public:
  // As many as threads leave while one that holds a slot waits for a processor: a call to munmap
  // takes microseconds, a turn of another program milliseconds. Untouched until then.
  static constexpr std::uint32_t kPlaces = 4096;

  void Clear() {
    for (Place& place : places_) {
      if (place.state.load(std::memory_order_relaxed) != State::kFree)
        place.state.store(State::kFree, std::memory_order_relaxed);
    }
    left_.store(0, std::memory_order_relaxed);
  }

  bool IsEmpty() const { return left_.load() == 0; }

  // False: no place is free.
  [[nodiscard]] bool Leave(const Removal& removal) {
    std::uint32_t first = next_place_.fetch_add(1, std::memory_order_relaxed);
    for (std::uint32_t i = 0; i < kPlaces; ++i) {
      Place& place = places_[(first + i) % kPlaces];
      if (!Claim(&place, State::kFree)) continue;
      place.removal = removal;
      left_.fetch_add(1);
      place.state.store(State::kReady);
      return true;
    }
    return false;
  }

  // What is left at a place: another thread's or one's own; false: nothing.
  [[nodiscard]] bool Take(std::uint32_t number, Removal* removal) {
    Place& place = places_[number % kPlaces];
    if (!Claim(&place, State::kReady)) return false;
    *removal = place.removal;
    place.state.store(State::kFree, std::memory_order_release);  // pairs with Claim
    left_.fetch_sub(1);
    return true;
  }

 private:
  enum class State : std::uint32_t { kFree = 0, kBusy, kReady };
  struct Place {
    std::atomic<State> state = State::kFree;
    Removal removal = {};
  };

  static bool Claim(Place* place, State state) {
    return place->state.load() == state &&
           place->state.compare_exchange_strong(state, State::kBusy);
  }

  Place places_[kPlaces];
  std::atomic<std::uint32_t> next_place_ = 0;  // most likely free
  // Counted before it is ready and until it is taken: never too low, or a holder would miss one.
  std::atomic<std::uint32_t> left_ = 0;
};

}  // namespace limpet
