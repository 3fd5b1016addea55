#include "runtime/stack/wait_places.h"

#include <atomic>

namespace limpet {

void WaitPlaces::Note(const sys::CallerFrame& caller, const RememberedWalk& walk, StackId stack,
                      std::uint32_t epoch) {
  std::uint64_t hash = HashOf(caller);
  Set& set = sets_[IndexOf(hash)];
  if (!IsWalkedAgain(TagOf(hash) ^ static_cast<std::uint32_t>(stack), &set)) return;
  std::uint32_t words = CountStackWords(walk);
  if (words == 0 || words > WaitPlace::kMaxWords) return;
  std::uint32_t way = WayFor(caller, stack);
  Fill(caller, walk, stack, epoch, &places_[IndexOf(hash)][way]);
  set.tags[way] = TagOf(hash);
}

// What is told is forgotten, so that a place that is pushed out must be walked twice again.
bool WaitPlaces::IsWalkedAgain(std::uint32_t hash, Set* set) {
  for (std::uint32_t& recent : set->recent)
    if (recent == hash) return recent = 0, true;
  set->oldest_walk = (set->oldest_walk + 1) % kRecentWalks;
  set->recent[set->oldest_walk] = hash;
  return false;
}

// One that has the stack already, in which words have moved; or the oldest.
std::uint32_t WaitPlaces::WayFor(const sys::CallerFrame& caller, StackId stack) {
  std::uint32_t index = IndexOf(HashOf(caller));
  for (std::uint32_t way = 0; way < kWays; ++way) {
    const WaitPlace& place = places_[index][way];
    if (place.IsCalledBy(caller) && place.stack == stack) return way;
  }
  Set& set = sets_[index];
  set.oldest_way = (set.oldest_way + 1) % kWays;
  return set.oldest_way;
}

// The count goes first and comes last: a handler that leaves by longjmp leaves none.
void WaitPlaces::Fill(const sys::CallerFrame& caller, const RememberedWalk& walk, StackId stack,
                      std::uint32_t epoch, WaitPlace* place) {
  place->word_count = 0;
  std::atomic_signal_fence(std::memory_order_release);
  place->return_address = caller.return_address;
  place->stack_pointer = caller.stack_pointer;
  place->frame_pointer = caller.frame_pointer;
  place->needs_frame_pointer = walk.frames[walk.depth - 1].needs_rbp;
  place->outermost = walk.frames[0].stack_pointer;
  place->generation = walk.generation;
  place->epoch = epoch;
  place->stack = stack;
  std::uint32_t count = GatherStackWords(walk, place->words, WaitPlace::kMaxWords);
  std::atomic_signal_fence(std::memory_order_release);
  place->word_count = count;
}

}  // namespace limpet
