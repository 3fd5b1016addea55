// What the door does for threads that run and are asked where they are.

#include "runtime/session.h"
#include "runtime/tracer.h"

namespace limpet::session {
namespace {

// What a walk takes, with the system calls and tables of one that is new (README.md, "Running
// threads").
constexpr std::uint64_t kWalkStackBytes = 2048;

bool HasSlot(const ThreadContext& thread) {
  return thread.epoch == g_tracer.epoch() && thread.record != nullptr &&
         thread.record->slot != nullptr;
}

// What cannot be told, of a stack that is neither, is left to its owner.
bool HasRoom(const StackBounds& own, std::uint64_t signal_stack_low) {
  auto here = reinterpret_cast<std::uint64_t>(__builtin_frame_address(0));
  std::uint64_t low = signal_stack_low;
  if (low == 0 && own.Holds(here)) low = own.low;
  return here - low > kWalkStackBytes;
}

void Answer(StackId stack, ThreadSlot* slot) {
  std::uint64_t last = slot->running_answer.load(std::memory_order_relaxed);
  std::uint64_t count = (last >> kAnswerCountShift) + 1;
  slot->running_answer.store(count << kAnswerCountShift | static_cast<std::uint32_t>(stack),
                             std::memory_order_release);
}

}  // namespace

// Enters nothing: a thread that is starting or has no slot has nothing to say.
void OnStackAsked(const sys::CallerFrame& interrupted, std::uint64_t signal_stack_low) {
  ThreadContext& thread = t_thread;
  if (!g_tracer.IsRecording() || !HasSlot(thread)) return;
  ReentryGuard guard(thread);
  StackId stack = StackId::kComplete;
  if (guard.IsOutermost() && HasRoom(thread.record->own_stack, signal_stack_low))
    stack = g_tracer.Capture(thread, interrupted).id;
  Answer(stack, thread.record->slot);
}

}  // namespace limpet::session
