#include "runtime/stack/wait_places.h"

#include <atomic>

namespace limpet {
namespace {

// How many words GatherStackWords would find; 0: they do not tell.
std::uint32_t CountWords(const RememberedWalk& walk) {
  std::uint32_t count = 0;
  for (std::uint32_t i = 1; i < walk.depth; ++i) {
    if (walk.frames[i].MustStepAgain()) return 0;
    count += walk.frames[i].rbp_offset != 0 ? 2 : 1;
  }
  return count;
}

}  // namespace

void WaitPlaces::Note(const sys::CallerFrame& caller, const RememberedWalk& walk, StackId stack,
                      std::uint32_t epoch) {
  LastWalk& last = last_walks_[IndexOf(caller)];
  bool is_second = last.hash == HashOf(caller);
  last.hash = is_second ? 0 : HashOf(caller);
  std::uint32_t words = is_second ? CountWords(walk) : 0;
  if (words == 0 || words + 2 > WaitPlace::kMaxWords) return;
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
