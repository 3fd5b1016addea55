// Ranges that a thread could not remove from the mapping table because another one held the slot.
// They are left here for the holder, so that nobody waits: not for a thread that was suspended, and
// not, in a signal handler, for the very code that it interrupted.
//
//   leaver: Leave() ; tries the slot once more         holder: lets the slot go ; Take()
//
// Sequentially consistent on both sides: either the leaver finds the slot free, or the holder finds
// what was left.
//
// Runs: target hot path (slow side, only with LIMPET_MMAP).  Threads: any; async-signal-safe,
// lock-free.  Allocates: never.
#pragma once

#include <atomic>
#include <cstdint>

namespace limpet {

struct AddressRange {
  std::uint64_t start;
  std::uint64_t end;

  bool IsEmpty() const { return start >= end; }
  bool Overlaps(const AddressRange& other) const { return start < other.end && other.start < end; }
};

// Of what was recorded before `moment`.
struct Removal {
  AddressRange range;
  std::uint64_t moment;
};

class PostponedRemovals {
 public:
  static constexpr int kPlaces = 16;

  void Clear() {
    for (Place& place : places_) place.state.store(State::kFree, std::memory_order_relaxed);
    ready_.store(0, std::memory_order_relaxed);
  }

  // False: no place is free.
  [[nodiscard]] bool Leave(const Removal& removal) {
    Place* place = Claim(State::kFree);
    if (place == nullptr) return false;
    place->removal = removal;
    place->state.store(State::kReady, std::memory_order_release);  // pairs with Claim's acquire
    ready_.fetch_add(1);
    return true;
  }

  // Some other thread's or one's own; false: there is none.
  [[nodiscard]] bool Take(Removal* removal) {
    Place* place = ready_.load() == 0 ? nullptr : Claim(State::kReady);
    if (place == nullptr) return false;
    *removal = place->removal;
    place->state.store(State::kFree, std::memory_order_release);
    ready_.fetch_sub(1);
    return true;
  }

 private:
  enum class State : std::uint32_t { kFree = 0, kBusy, kReady };
  struct Place {
    std::atomic<State> state = State::kFree;
    Removal removal = {};
  };

  Place* Claim(State state) {
    for (Place& place : places_) {
      State found = state;
      if (place.state.compare_exchange_strong(found, State::kBusy, std::memory_order_acquire))
        return &place;
    }
    return nullptr;
  }

  Place places_[kPlaces];
  std::atomic<std::int32_t> ready_ =
      0;  // below 0 for a moment if one is taken before it is counted
};

}  // namespace limpet
