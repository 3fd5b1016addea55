// What each thread keeps in thread-local storage: little, because it is carved from every stack.
//
// Runs: target hot path.  Threads: own thread.  Allocates: never (initial-exec TLS).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/park/park.h"
#include "runtime/sample/byte_sampler.h"
#include "runtime/sys/thread_pointer.h"
#include "runtime/thread_record.h"

namespace limpet {

// On one cache line what allocations and waits ask, wherever it lies.
struct alignas(64) ThreadContext {
  ByteSampler sampler;
  ThreadRecord* record = nullptr;
  std::uint64_t inside_guard = 0;  // place of the ReentryGuard of the slow path under way, 0: none
  std::uint32_t thread_id = 0;
  std::uint32_t epoch = 0;              // of the segment that this thread is entered in, 0: none
  Park* park = nullptr;                 // innermost wait, on the thread's stack
  std::atomic<std::uint32_t> life = 0;  // kThread... bits, also set by who detaches it
  // As in its record, which is another thread's once this one is gone. 0: not counted yet.
  std::atomic<std::uint32_t> number = 0;
  // Of a thread that came to join this one before it had started: its record wants to know ours.
  std::atomic<ThreadRecord*> early_joiner = nullptr;
};
static_assert(sizeof(ThreadContext) <= 128 && offsetof(ThreadContext, life) <= 64);

// A bit of `life` that readers are not told: the thread's own part is over.
inline constexpr std::uint32_t kThreadLeft = 1U << 31;

[[gnu::visibility("hidden")]] extern constinit thread_local ThreadContext t_thread;

// That of another thread of ours, which has not been joined yet. glibc's pthread_t is the thread
// pointer, at a fixed distance from all thread-local storage of libraries that were there at start.
inline ThreadContext& ContextOf(std::uint64_t thread) {
  std::uint64_t distance = sys::ThreadPointer() - reinterpret_cast<std::uint64_t>(&t_thread);
  return *reinterpret_cast<ThreadContext*>(thread - distance);
}

// That of this thread, in code that used t_thread before it called somebody else's function.
[[gnu::always_inline]] inline ThreadContext& ContextAfterCall() {
  ThreadContext* thread = nullptr;
  LIMPET_THREAD_LOCAL_AFTER_CALL("_ZN6limpet8t_threadE", thread);
  return *thread;
}

// True from construction to destruction for one slow path of the thread at a time.
//
// A signal handler that allocates finds the slow path that it interrupted. One that leaves by
// longjmp never lets it end; so the guard marks its place on the stack, and a place whose mark was
// overwritten by later calls is no slow path any more.
class ReentryGuard {
 public:
  explicit ReentryGuard(ThreadContext& thread) : thread_(thread) {
    is_outermost_ = thread.inside_guard == 0 || IsAbandoned();
    if (!is_outermost_) return;
    mark_ = MarkOf(Place());
    thread.inside_guard = Place();
  }
  ~ReentryGuard() {
    if (!is_outermost_) return;
    mark_ = 0;
    thread_.inside_guard = 0;
  }
  ReentryGuard(const ReentryGuard&) = delete;
  ReentryGuard& operator=(const ReentryGuard&) = delete;

  bool IsOutermost() const { return is_outermost_; }

 private:
  std::uint64_t Place() const { return reinterpret_cast<std::uint64_t>(&mark_); }
  static std::uint64_t MarkOf(std::uint64_t place) { return place ^ 0xA5C3'96E1'7B2D'48F0U; }

  // The other guard's place may only be read where it is on the thread's own stack, which stays
  // mapped.
  bool IsAbandoned() const {
    std::uint64_t other = thread_.inside_guard;
    if (thread_.record == nullptr) return false;
    const StackBounds& own = thread_.record->own_stack;
    // What runs on the thread's own stack runs inside of no handler that is on another one.
    if (!own.Holds(other)) return own.Holds(Place());
    bool is_further_in = own.Holds(Place()) && other <= Place();
    return is_further_in ||
           *reinterpret_cast<const volatile std::uint64_t*>(other) != MarkOf(other);
  }

  ThreadContext& thread_;
  volatile std::uint64_t mark_ = 0;
  bool is_outermost_ = false;
};

}  // namespace limpet
