// What each thread keeps in thread-local storage: little, because it is carved from every stack.
//
// Runs: target hot path.  Threads: own thread.  Allocates: never (initial-exec TLS).
#pragma once

#include <cstdint>

#include "runtime/sample/byte_sampler.h"
#include "runtime/thread_record.h"

namespace limpet {

struct ThreadContext {
  ByteSampler sampler;
  ThreadRecord* record = nullptr;
  // Stack pointer of the slow path that this thread is in, 0: none. A signal handler that allocates
  // finds itself below it; one that left by longjmp leaves a value that the next entry finds below
  // itself.
  std::uint64_t inside_stack_pointer = 0;
  std::uint32_t thread_id = 0;
  std::uint32_t epoch = 0;  // of the segment that this thread is entered in, 0: none
  bool has_exited = false;  // past its own end: no record may be claimed any more
};
static_assert(sizeof(ThreadContext) <= 80);

extern constinit thread_local ThreadContext t_thread;

// True from construction to destruction for one slow path of the thread at a time.
class ReentryGuard {
 public:
  explicit ReentryGuard(ThreadContext& thread) : thread_(thread) {
    auto here = reinterpret_cast<std::uint64_t>(__builtin_frame_address(0));
    is_outermost_ = thread.inside_stack_pointer == 0 || IsAbandoned(here);
    if (is_outermost_) thread.inside_stack_pointer = here;
  }
  ~ReentryGuard() {
    if (is_outermost_) thread_.inside_stack_pointer = 0;
  }
  ReentryGuard(const ReentryGuard&) = delete;
  ReentryGuard& operator=(const ReentryGuard&) = delete;

  bool IsOutermost() const { return is_outermost_; }

 private:
  // On one stack an outer slow path lies at a higher address; one at a lower address was left by
  // longjmp. Between two stacks (sigaltstack) the order says nothing.
  bool IsAbandoned(std::uint64_t here) const {
    if (thread_.record == nullptr || thread_.inside_stack_pointer >= here) return false;
    const StackBounds& own = thread_.record->own_stack;
    return own.Holds(here) && own.Holds(thread_.inside_stack_pointer);
  }

  ThreadContext& thread_;
  bool is_outermost_;
};

}  // namespace limpet
