// The free slots of the allocation table, in several lists, so that threads that sample do not meet
// at one.
//
//   thread pointer -> list      Take: the own list, then the others      Give: the own list
//
// Where every allocation is recorded each takes a slot and each free gives one back; one head would
// go from processor to processor both times, with the link behind it.
//
// Runs: target hot path.  Threads: any; async-signal-safe, lock-free.  Allocates: never.
#pragma once

#include <cstdint>

#include "runtime/sys/index_stack.h"
#include "runtime/sys/thread_pointer.h"

namespace limpet {

class FreeSlots {
 public:
  // `link_of` and `entries` as of IndexStack.
  template <class LinkOf>
  void Give(std::uint32_t slot, LinkOf link_of) {
    lists_[OwnList()].stack.Push(slot, link_of);
  }

  // kNone only where all lists are empty, or the table would grow by what others freed.
  template <class LinkOf>
  std::uint32_t Take(std::uint64_t entries, LinkOf link_of) {
    const std::uint32_t own = OwnList();
    for (std::uint32_t i = 0; i < kLists; ++i) {
      std::uint32_t slot = lists_[(own + i) % kLists].stack.Pop(entries, link_of);
      if (slot != sys::IndexStack::kNone) return slot;
    }
    return sys::IndexStack::kNone;
  }

  void Clear() {
    for (List& list : lists_) list.stack.Clear();
  }

 private:
  static constexpr int kListBits = 4;
  static constexpr std::uint32_t kLists = 1 << kListBits;
  struct alignas(64) List {
    sys::IndexStack stack;
  };

  // Thread pointers are whole pages apart, as stacks are, and all their bits reach the upper ones.
  static std::uint32_t OwnList() {
    return static_cast<std::uint32_t>((sys::ThreadPointer() >> 12) * 0x9E3779B97F4A7C15U >>
                                      (64 - kListBits));
  }

  List lists_[kLists];
};

}  // namespace limpet
