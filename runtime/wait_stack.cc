#include "runtime/wait_stack.h"

#include "runtime/sys/sandbox.h"
#include "runtime/sys/signal_stack.h"

namespace limpet::session {
namespace {

// A wait in a handler that interrupted a sample: the remembered walk is being changed. Or one that
// has no room to walk.
StackId UnknownStack() {
  g_tracer.segment.counters().truncated_stacks.fetch_add(1, std::memory_order_relaxed);
  return StackId::kTruncated;
}

// The walk that was just taken, if all of it is known and of the thread's own stack, whose words
// tell whether it is still the same.
bool IsToBeNoted(const ThreadRecord& record, const sys::CallerFrame& caller) {
  const RememberedWalk& walk = record.walk;
  return walk.depth > 1 && !walk.is_truncated && record.own_stack.Holds(caller.stack_pointer) &&
         walk.frames[0].stack_pointer <= record.own_stack.high;
}

// What is inside of another wait is not kept. Out of line: a kilobyte of stack, which a handler may
// not have.
[[gnu::noinline]] StackId WalkedStackOf(ThreadContext& thread, std::uint32_t epoch,
                                        const sys::CallerFrame& caller) {
  StackId stack = g_tracer.Capture(thread, caller).id;
  ThreadRecord& record = *thread.record;
  bool is_kept = thread.park == nullptr && static_cast<std::uint32_t>(stack) >= kRootNodes;
  if (is_kept && IsToBeNoted(record, caller)) record.places.Note(caller, record.walk, stack, epoch);
  return stack;
}

// One that longjmp left where no hook saw it, or that is on another fiber, is no outer wait of one
// that starts now. It alone knew what is outside of it, and later calls overwrite it, often this
// very one: so all are forgotten. Those that are alive end out of order, and until then are not
// shown.
[[gnu::cold]] void ForgetAbandoned(ThreadContext& thread, const Park* inner, bool has_walk) {
  ThreadRecord& record = *thread.record;
  const RememberedWalk* walk = has_walk ? &record.walk : nullptr;
  if (!thread.park->IsAlive(inner, {record.own_stack, walk, &record.foreign_page}))
    thread.park = nullptr;
}

}  // namespace

// Handlers run on stacks as small as the signal's frame and a little more, where a walk may take
// what is left (tests/preload/programs/signal_stacks.cc). A filter of system calls may not know the
// question.
bool HasRoomForWalk(std::uint64_t stack_pointer) {
  constexpr std::uint64_t kWalkBytes = 4096;
  return sys::IsSandboxed() || !sys::IsNearEndOfSignalStack(stack_pointer, kWalkBytes);
}

// An outer wait is looked for on the walk, which then must be of this very stack.
StackId StackAnew(ThreadContext& thread, std::uint32_t epoch, const sys::CallerFrame& caller,
                  const Park* inner) {
  ReentryGuard guard(thread);
  bool has_walk = guard.IsOutermost();
  if (!thread.record->own_stack.Holds(caller.stack_pointer))
    has_walk = has_walk && HasRoomForWalk(caller.stack_pointer);
  StackId stack = has_walk ? WalkedStackOf(thread, epoch, caller) : UnknownStack();
  if (inner != nullptr && thread.park != nullptr) ForgetAbandoned(thread, inner, has_walk);
  return stack;
}

bool EnterUnseen(ThreadContext& thread) {
  return g_tracer.IsRecording() && g_tracer.IsTracing(thread, /*creates=*/false) &&
         g_tracer.IsEntered(thread);
}

}  // namespace limpet::session
