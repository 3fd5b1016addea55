#include "runtime/park/park.h"

namespace limpet {

// What nests in a composite wait is part of it, and changes nothing.
void Park::Nest(const ThreadSlot& slot) {
  was_open_ = IsOpen(slot);
  before_ = ReadWaitingPart(slot);
  if (!outer_->is_composite_) return;
  slot_ = nullptr;
  is_composite_ = true;
}

void Park::Count(std::uint64_t elapsed_ns) const {
  std::uint64_t own_ns = elapsed_ns > nested_ns_ ? elapsed_ns - nested_ns_ : 0;
  if (outer_ != nullptr) outer_->nested_ns_ += elapsed_ns;
  sys::AddOwn(slot_->parked_ns, own_ns);
  sys::AddOwn(slot_->group_ns[static_cast<std::uint32_t>(GroupOf(reason_))], own_ns);
}

void Park::ShowAgain() const {
  WaitingPartWriter writer(*slot_, /*stays_open=*/was_open_);
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
