// The words of a stack that tell whether a walk of it still holds: return addresses, and where rbp
// was saved what it was (remembered_walk.h).
//
// Runs: target hot path (slow side).  Threads: own thread.  Allocates: never.
#pragma once

#include <cstdint>

#include "runtime/stack/remembered_walk.h"
#include "runtime/stack/stack_memory.h"

namespace limpet {

// 0: words alone do not tell.
inline std::uint32_t CountStackWords(const RememberedWalk& walk) {
  std::uint32_t count = 0;
  for (std::uint32_t i = 1; i < walk.depth; ++i) {
    if (walk.frames[i].MustStepAgain()) return 0;
    count += walk.frames[i].rbp_offset != 0 ? 2 : 1;
  }
  return count;
}

// How many, a multiple of kWordsAtOnce: they are compared in fours, the last one fills up what is
// missing. 0: `room`, such a multiple too, does not do, or words alone do not tell.
inline std::uint32_t GatherStackWords(const RememberedWalk& walk, StackWord* words,
                                      std::uint32_t room) {
  std::uint32_t count = CountStackWords(walk);
  if (count == 0 || count > room) return 0;
  count = 0;
  for (std::uint32_t i = walk.depth - 1; i != 0; --i) {
    const WalkedFrame& frame = walk.frames[i];
    const WalkedFrame& caller = walk.frames[i - 1];
    std::uint64_t cfa = caller.stack_pointer;
    words[count++] = {cfa - StackMemory::kWordBytes, caller.address()};
    if (frame.rbp_offset == 0) continue;
    std::uint64_t slot = cfa + static_cast<std::uint64_t>(std::int64_t{frame.rbp_offset});
    words[count++] = {slot, caller.frame_pointer};
  }
  for (; count % RememberedWalk::kWordsAtOnce != 0; ++count) words[count] = words[count - 1];
  return count;
}

// All of them lie on the thread's own stack and are nearly always the same, so none is waited for.
inline bool AreSameWords(const StackWord* words, std::uint32_t count) {
  std::uint64_t difference = 0;
  for (const StackWord* word = words; word != words + count; word += RememberedWalk::kWordsAtOnce) {
#pragma GCC unroll 4
    for (std::uint32_t i = 0; i < RememberedWalk::kWordsAtOnce; ++i)
      difference |= StackMemory::Word(word[i].slot) ^ word[i].value;
  }
  return difference == 0;
}

}  // namespace limpet
