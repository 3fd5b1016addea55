#include "runtime/stack/wait_places.h"

#include <atomic>

namespace limpet {

void WaitPlaces::Note(const sys::CallerFrame& caller, const RememberedWalk& walk, StackId stack,
                      std::uint32_t epoch) {
  std::uint64_t call = CallOf(caller);
  std::uint32_t index = IndexOf(call);
  auto walk_hash = static_cast<std::uint32_t>(call >> 16) ^ static_cast<std::uint32_t>(stack);
  if (!IsWalkedAgain(walk_hash, &pasts_[index])) return;
  WaitPlace noted = {};
  std::uint32_t words = MarkStack(caller, walk, epoch, &noted);
  if (words == 0) return;
  // The count goes first and comes last: a handler that leaves by longjmp leaves none.
  WaitPlace& place = sets_[index].places[WayFor(index, call, stack)];
  place.word_count = 0;
  std::atomic_signal_fence(std::memory_order_release);
  place = noted;
  place.call = call;
  place.stack = stack;
  std::atomic_signal_fence(std::memory_order_release);
  place.word_count = static_cast<std::uint8_t>(words);
}

// A call that several others make in turn.
[[gnu::noinline]] StackId WaitPlaces::FindBehind(const WaitPlace* place,
                                                 const sys::CallerFrame& caller,
                                                 const StackBounds& own, Present present) const {
  const std::uint64_t call = CallOf(caller);
  const Set& set = sets_[IndexOf(call)];
  while ((place = NextOf(call, place + 1, set)) != nullptr)
    if (IsSame(*place, caller, own, present)) return place->stack;
  return WalkedFrame::kNoNode;
}

// What is told is forgotten, so that a place that is pushed out must be walked twice again.
bool WaitPlaces::IsWalkedAgain(std::uint32_t hash, Past* past) {
  for (std::uint32_t& recent : past->recent)
    if (recent == hash) return recent = 0, true;
  past->oldest_walk = (past->oldest_walk + 1) % kRecentWalks;
  past->recent[past->oldest_walk] = hash;
  return false;
}

// One that has the stack already, in which words have moved; or the oldest.
std::uint32_t WaitPlaces::WayFor(std::uint32_t index, std::uint64_t call, StackId stack) {
  for (std::uint32_t way = 0; way < kWays; ++way) {
    const WaitPlace& place = sets_[index].places[way];
    if (place.call == call && place.stack == stack) return way;
  }
  Past& past = pasts_[index];
  return past.oldest_way++ % kWays;  // the first is looked at first
}

// How many words tell; 0: they do not, or are too many or too far away. The walk has just been
// there: what lies in its slots is what it found.
std::uint32_t WaitPlaces::MarkStack(const sys::CallerFrame& caller, const RememberedWalk& walk,
                                    std::uint32_t epoch, WaitPlace* place) {
  constexpr std::uint64_t kMaxReach = static_cast<StackDistance>(-1);
  StackWord words[WaitPlace::kMaxWords];
  std::uint32_t count = GatherStackWords(walk, words, WaitPlace::kMaxWords);
  if (count == 0) return 0;
  auto distance = [&caller](std::uint64_t address) {
    return (address - caller.stack_pointer) / StackMemory::kWordBytes;
  };
  std::uint64_t reach = distance(walk.frames[0].stack_pointer);
  if (reach > kMaxReach) return 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    std::uint64_t slot = distance(words[i].slot);
    bool is_whole = (words[i].slot - caller.stack_pointer) % StackMemory::kWordBytes == 0;
    if (!is_whole || slot >= reach) return 0;
    place->slots[i] = static_cast<StackDistance>(slot);
  }
  place->reach = static_cast<StackDistance>(reach);
  place->needs_frame_pointer = walk.frames[walk.depth - 1].needs_rbp;
  StackMarker marker = MarkerOf(place->needs_frame_pointer, caller, {walk.generation, epoch});
  place->mark = marker.Mark(caller.stack_pointer, place->slots, count);
  return count;
}

}  // namespace limpet
