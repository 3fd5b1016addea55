#include "runtime/stack/wait_places.h"

#include <atomic>

namespace limpet {

// The count goes first and comes last: a handler that leaves by longjmp leaves none.
void WaitPlaces::Note(const sys::CallerFrame& caller, const RememberedWalk& walk, StackId stack,
                      Present present) {
  std::uint64_t& last_hash = last_hashes_[IndexOf(caller)];
  bool is_second = last_hash == HashOf(caller);
  last_hash = HashOf(caller);
  if (!is_second) return;
  WaitPlace& place = places_[IndexOf(caller)];
  place.word_count = 0;
  std::atomic_signal_fence(std::memory_order_release);
  place.return_address = caller.return_address;
  place.stack_pointer = caller.stack_pointer;
  place.frame_pointer = caller.frame_pointer;
  place.needs_frame_pointer = walk.frames[walk.depth - 1].needs_rbp;
  place.outermost = walk.frames[0].stack_pointer;
  place.generation = present.generation;
  place.epoch = present.epoch;
  place.stack = stack;
  std::uint32_t count = GatherStackWords(walk, place.words, WaitPlace::kMaxWords);
  std::atomic_signal_fence(std::memory_order_release);
  place.word_count = count;
}

}  // namespace limpet
