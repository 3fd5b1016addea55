#include "runtime/park/park.h"

#include "runtime/sys/cheap_atomic.h"

namespace limpet {

// The chain comes first and the slot last: a handler in between finds this wait and leaves the slot
// as it was.
void Park::Start(ThreadSlot* slot, std::uint32_t epoch, const WaitingPart& part,
                 const sys::CallerFrame& caller, Park** innermost) {
  Park* outer = *innermost;
  outer_ = outer;
  slot_ = outer != nullptr && outer->is_composite_ ? nullptr : slot;
  epoch_ = epoch;
  reason_ = part.wait.reason;
  is_composite_ = part.wait.is_composite || slot_ == nullptr;  // or part of a composite one
  since_ns_ = part.since_ns;
  nested_ns_ = 0;
  caller_stack_pointer_ = caller.stack_pointer;
  return_address_ = caller.return_address;
  state_before_ = slot->state.load(std::memory_order_relaxed);
  was_open_ = outer != nullptr && IsOpen(*slot);
  if (outer != nullptr) [[unlikely]]
    before_ = ReadWaitingPart(*slot);
  else if (state_before_ == ThreadState::kParked)
    state_before_ = ThreadState::kRunning;  // left over by a wait that was abandoned
  mark_ = MarkOf(Place());
  *innermost = this;
  if (slot_ == nullptr) return;
  WaitingPartWriter writer(*slot, /*stays_open=*/false);
  writer.Write(part);
}

void Park::End(std::uint64_t now_ns, bool may_write, Park** innermost) {
  Finish(now_ns, may_write);
  *innermost = outer_;
  mark_ = 0;
}

void Park::Finish(std::uint64_t now_ns, bool may_write) {
  if (slot_ != nullptr && may_write) {
    Count(*slot_, now_ns - since_ns_);
    if (outer_ == nullptr) [[likely]]
      slot_->state.store(state_before_, std::memory_order_release);
    else
      ShowAgain(*slot_);
  }
  slot_ = nullptr;
}

void Park::Count(ThreadSlot& slot, std::uint64_t elapsed_ns) const {
  std::uint64_t own_ns = elapsed_ns > nested_ns_ ? elapsed_ns - nested_ns_ : 0;
  sys::AddOwn(slot.park_count, 1);
  if (outer_ != nullptr) outer_->nested_ns_ += elapsed_ns;
  if (own_ns == 0) return;  // the coarse clock has not moved
  sys::AddOwn(slot.parked_ns, own_ns);
  sys::AddOwn(slot.group_ns[static_cast<std::uint32_t>(GroupOf(reason_))], own_ns);
}

void Park::ShowAgain(ThreadSlot& slot) const {
  WaitingPartWriter writer(slot, /*stays_open=*/was_open_);
  writer.Write(before_);
}

bool Park::IsAlive(const void* inner, const StackBounds& own, const RememberedWalk* walk) const {
  auto place = reinterpret_cast<std::uint64_t>(inner);
  // What runs on the thread's own stack runs inside of no handler that is on another one. The other
  // one's mark may not be read: it may be unmapped.
  if (!own.Holds(Place())) {
    if (own.Holds(place)) return false;
  } else if (own.Holds(place) && Place() <= place) {
    return false;
  }
  if (!IsStarted()) return false;
  return walk == nullptr || walk->is_truncated || IsOnWalk(*walk);
}

// The function that called the hook is still there, at the same place.
bool Park::IsOnWalk(const RememberedWalk& walk) const {
  for (std::uint32_t i = 0; i < walk.depth; ++i) {
    const WalkedFrame& frame = walk.frames[i];
    if (frame.stack_pointer == caller_stack_pointer_)
      return frame.code() == (return_address_ & kFrameAddressMask);
  }
  return false;
}

bool Park::IsLeftBy(std::uint64_t stack_pointer, const StackBounds& own) const {
  if (own.Holds(stack_pointer)) return !own.Holds(Place()) || Place() < stack_pointer;
  return !own.Holds(Place()) && Place() < stack_pointer;
}

}  // namespace limpet
