#include "runtime/park/park.h"

namespace limpet {

// What nests in a composite wait is part of it, and changes nothing.
void Park::Nest(const ThreadSlot& slot) {
  before_ = ReadWaitingPart(slot);
  if (!outer_->is_composite_) return;
  slot_ = nullptr;
  is_composite_ = true;
}

FinishedWait Park::Count(std::uint64_t now_ns) const {
  std::uint64_t elapsed_ns = now_ns - since_ns_;
  std::uint64_t own_ns = elapsed_ns > nested_ns_ ? elapsed_ns - nested_ns_ : 0;
  if (outer_ != nullptr) outer_->nested_ns_ += elapsed_ns;
  sys::AddOwn(slot_->parked_ns, own_ns);
  sys::AddOwn(slot_->group_ns[static_cast<std::uint32_t>(GroupOf(reason_))], own_ns);
  return {.end_ns = now_ns,
          .duration_ns = own_ns,
          .reason = reason_,
          .stack = stack_,
          .held = IsForHold(reason_) ? held_ : 0};
}

// Time has passed. It is shown no more before it is added up, so that a reader, who looks at what
// is added up first, sees it once at most; and so does a handler that leaves by a jump in between.
void Park::Pass(std::uint64_t now_ns, AddUpWait* add_up) {
  const FinishedWait finished = Count(now_ns);
  StopShowing();
  slot_ = nullptr;
  std::atomic_signal_fence(std::memory_order_release);
  add_up(finished);
}

void Park::ShowAgain() const {
  WaitingPartWriter writer(*slot_, /*stays_open=*/was_open_);
  writer.Write(before_);
}

void Park::EndAlone(std::uint64_t now_ns, bool may_write, AddUpWait* add_up) {
  outer_ = nullptr;
  Finish(now_ns, may_write, add_up);
  mark_ = 0;
}

bool Park::IsAlive(const void* inner, const Ground& ground) const {
  auto place = reinterpret_cast<std::uint64_t>(inner);
  bool is_own = ground.own.Holds(Place());
  if (!ground.own.Holds(place)) {
    if (!is_own) return IsOnForeignStackOf(place, ground);
  } else if (!is_own || Place() <= place) {
    return false;  // what runs on the thread's own stack is in no handler that is on another one
  }
  if (!IsStarted()) return false;
  // An empty one: its stack did not fit into the segment.
  const RememberedWalk* walk = ground.walk;
  return walk == nullptr || walk->depth == 0 || walk->is_truncated ||
         IsOnWalk(*walk, caller_stack_pointer_, return_address_);
}

// Its memory may be unmapped at any moment, unless the walk went through it.
bool Park::IsOnForeignStackOf(std::uint64_t inner, const Ground& ground) const {
  if (ground.walk == nullptr || ground.walk->is_truncated) return false;
  StackMemory memory(ground.own, ground.page);
  memory.Enter(inner);
  auto load = [&memory](const volatile std::uint64_t& word, std::uint64_t* value) {
    return memory.Load(reinterpret_cast<std::uint64_t>(&word), value);
  };
  std::uint64_t mark = 0, stack_pointer = 0, return_address = 0;
  return load(mark_, &mark) && mark == MarkOf(Place()) &&
         load(caller_stack_pointer_, &stack_pointer) && load(return_address_, &return_address) &&
         IsOnWalk(*ground.walk, stack_pointer, return_address);
}

// The function that called the hook is still there, at the same place.
bool Park::IsOnWalk(const RememberedWalk& walk, std::uint64_t stack_pointer,
                    std::uint64_t return_address) {
  for (std::uint32_t i = 0; i < walk.depth; ++i) {
    const WalkedFrame& frame = walk.frames[i];
    if (frame.stack_pointer == stack_pointer)
      return frame.code() == (return_address & kFrameAddressMask);
  }
  return false;
}

bool Park::IsLeftBy(std::uint64_t stack_pointer, const StackBounds& own) const {
  if (own.Holds(stack_pointer)) return !own.Holds(Place()) || Place() < stack_pointer;
  return !own.Holds(Place()) && Place() < stack_pointer;
}

}  // namespace limpet
