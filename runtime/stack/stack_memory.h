// The memory that a walk may read.
//
//   thread's own stack   [sp, control block)   plain loads: mapped for as long as the thread runs
//   any other stack      [sp, sp + 1 MiB)      page by page through the kernel, into a copy;
//                                              of the page that we are on, as it is
//
// A fiber's or a signal's stack has no record, and a walk that lost its way on it may look at
// memory that another thread unmaps meanwhile: there the kernel answers with an error. In a sandbox
// it is not asked, and nothing of such a stack can be read.
//
// Runs: target hot path (slow side).  Threads: own thread; async-signal-safe.  Allocates: never.
#pragma once

#include <cstdint>
#include <cstring>

#include "runtime/stack/stack_bounds.h"
#include "runtime/sys/private_pages.h"

namespace limpet {

// A copy of the page of a foreign stack that is being read.
struct StackPage {
  std::uint64_t address;  // 0: none
  unsigned char bytes[sys::kPageBytes];
};

class StackMemory {
 public:
  static constexpr std::uint64_t kWordBytes = 8;

  // `page` is written only where a stack is foreign.
  StackMemory(const StackBounds& own, StackPage* page)
      : own_(own),
        live_page_(PageOf(reinterpret_cast<std::uint64_t>(__builtin_frame_address(0)))),
        page_(page) {}

  // What lies below `stack_pointer` is of no frame, and may not be mapped.
  void Enter(std::uint64_t stack_pointer) {
    bool is_own = own_.Holds(stack_pointer);
    own_high_ = is_own ? own_.high : 0;
    bounds_ = {stack_pointer, is_own ? own_.high : stack_pointer + kForeignBytes};
    if (!is_own) page_->address = 0;
  }

  // From the stack that is walked to another, at `place`. False: that is the thread's own, where
  // it may not be mapped: further in than was walked.
  bool EnterOther(std::uint64_t stack_pointer, std::uint64_t place) {
    if (own_.Holds(stack_pointer)) own_left_ = stack_pointer;
    if (own_.Holds(place) && (own_left_ == 0 || place < own_left_)) return false;
    Enter(place);
    return true;
  }

  std::uint64_t high() const { return bounds_.high; }
  bool Holds(std::uint64_t address) const { return bounds_.Holds(address); }
  // True when all from the entered stack pointer up to `end` may be read as it is.
  bool IsOwnUpTo(std::uint64_t end) const { return end <= own_high_; }

  // True when the words of the frame [stack_pointer, cfa), whose stack pointer was reached, may be
  // read as they are.
  bool IsOwnFrame(std::uint64_t stack_pointer, std::uint64_t cfa) const {
    return IsOwnUpTo(cfa) && cfa > stack_pointer && cfa % kWordBytes == 0;
  }
  static bool IsInside(std::uint64_t slot, std::uint64_t low, std::uint64_t high) {
    return slot - low < high - low;
  }
  static std::uint64_t Word(std::uint64_t slot) {
    std::uint64_t value = 0;
    memcpy(&value, reinterpret_cast<const void*>(slot), sizeof(value));
    return value;
  }

  // False: outside of the stack, not aligned, or not readable.
  bool Load(std::uint64_t slot, std::uint64_t* value) const {
    bool is_inside = bounds_.Holds(slot) && bounds_.high - slot >= kWordBytes;
    if (!is_inside || slot % kWordBytes != 0) return false;
    if (own_high_ == 0) [[unlikely]]
      return LoadForeign(slot, value);
    *value = Word(slot);
    return true;
  }

 private:
  static constexpr std::uint64_t kForeignBytes = 1 << 20;  // fibers' stacks are rarely larger

  static std::uint64_t PageOf(std::uint64_t address) {
    return address & ~std::uint64_t{sys::kPageBytes - 1};
  }
  bool LoadForeign(std::uint64_t slot, std::uint64_t* value) const;

  StackBounds own_;
  std::uint64_t live_page_;  // the thread runs on it now
  StackBounds bounds_;
  StackPage* page_;
  std::uint64_t own_high_ = 0;  // 0: the entered stack is not the thread's own
  std::uint64_t own_left_ = 0;  // where the walk left it for another; 0: it did not
};

}  // namespace limpet
