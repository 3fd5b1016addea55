// The words of a stack that tell whether a walk of it still holds: return addresses, and where rbp
// was saved what it was (remembered_walk.h). As they are, or as where they lie and one mark of all.
//
// Runs: target hot path (slow side).  Threads: own thread.  Allocates: never.
#pragma once

#include <bit>
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

using StackDistance = std::uint16_t;  // of a word from a stack pointer, in words
using StackMark = std::uint64_t;

// Two stacks that differ have one mark once in 2^64. Four chains, as one would wait for each
// multiplication, and the kernel is entered only when all is known. Each step is one to one in what
// was before and in the word. (Sums of products would not do: what one word adds, another that is
// as many bits away takes back.) In the mark each chain is turned by another number of bits, so
// that words of two chains cannot change places.
class StackMarker {
 public:
  // Of what else is to be the same.
  StackMarker(std::uint64_t first, std::uint64_t second, std::uint64_t third)
      : seeds_{first, second, third, 0} {}

  // `count` is a multiple of kWordsAtOnce.
  StackMark Mark(std::uint64_t stack_pointer, const StackDistance* slots,
                 std::uint32_t count) const {
    constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15U;
    std::uint64_t chains[kChains] = {seeds_[0], seeds_[1], seeds_[2], seeds_[3]};
    for (const StackDistance* slot = slots; slot != slots + count; slot += kChains) {
#pragma GCC unroll 4
      for (std::uint32_t i = 0; i < kChains; ++i)
        chains[i] = (chains[i] ^ WordAt(stack_pointer, slot[i])) * kOdd;
    }
    return (chains[0] ^ std::rotl(chains[1], 17)) +
           (std::rotl(chains[2], 31) ^ std::rotl(chains[3], 45));
  }

 private:
  static constexpr std::uint32_t kChains = RememberedWalk::kWordsAtOnce;

  static std::uint64_t WordAt(std::uint64_t stack_pointer, StackDistance distance) {
    return StackMemory::Word(stack_pointer + distance * StackMemory::kWordBytes);
  }

  std::uint64_t seeds_[kChains];
};

}  // namespace limpet
