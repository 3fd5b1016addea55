#include "runtime/stack/wait_places.h"

#include <atomic>

namespace limpet {

void WaitPlaces::Note(const sys::CallerFrame& caller, const RememberedWalk& walk, StackId stack,
                      std::uint32_t epoch) {
  LastWalk& last = last_walks_[IndexOf(caller)];
  bool is_second = last.hash == HashOf(caller);
  last.hash = is_second ? 0 : HashOf(caller);
  std::uint32_t words = is_second ? CountStackWords(walk) : 0;
  if (words == 0 || words > WaitPlace::kMaxWords) return;
  WaitPlace* ways = places_[IndexOf(caller)];
  for (std::uint32_t way = 0; way < kWays; ++way)
    if (ways[way].IsCalledBy(caller)) return Fill(caller, walk, stack, epoch, &ways[way]);
  last.newest_way = (last.newest_way + 1) % kWays;
  Fill(caller, walk, stack, epoch, &ways[last.newest_way]);
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
