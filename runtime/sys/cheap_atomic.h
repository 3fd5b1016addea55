// Atomic changes without a locked instruction, where no other thread can be writing.
//
//   AddOwn              one thread     add
//   CompareExchangeOwn  one thread     cmpxchg
//   AddShared           any thread     add      with one thread, else  lock add
//   CompareExchange     any thread     cmpxchg  with one thread, else  lock cmpxchg
//
// One instruction each, so a signal handler of the same thread comes before or after it, never in
// between, and readers in other processes see whole words. Recording one allocation makes about a
// dozen such changes, and locked instructions were a large part of its time.
//
// Runs: target hot path.  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <sys/single_threaded.h>

#include <atomic>
#include <cstdint>

namespace limpet::sys {

// glibc clears it before pthread_create starts a second thread, and uses it in the same way for its
// own locks. Threads of raw clone() it does not know: two of them that allocate are as unsafe in
// malloc itself.
inline bool IsSingleThreaded() { return __libc_single_threaded != 0; }

inline void AddOwn(std::atomic<std::uint64_t>& counter, std::uint64_t by) {
  __asm__("addq %1, %0" : "+m"(counter) : "er"(by) : "cc");
}
inline void AddOwn32(std::atomic<std::uint32_t>& counter, std::uint32_t by) {
  __asm__("addl %1, %0" : "+m"(counter) : "er"(by) : "cc");
}

inline void AddShared(std::atomic<std::uint64_t>& counter, std::uint64_t by) {
  if (IsSingleThreaded())
    AddOwn(counter, by);
  else
    counter.fetch_add(by, std::memory_order_relaxed);
}

// As std::atomic's strong form: `expected` becomes what was found.
template <class T>
bool CompareExchangeOwn(std::atomic<T>& object, T& expected, T desired) {
  bool is_changed = false;
  __asm__ volatile("cmpxchg %3, %1"
                   : "=@ccz"(is_changed), "+m"(object), "+a"(expected)
                   : "q"(desired)
                   : "memory");
  return is_changed;
}

template <class T>
bool CompareExchange(std::atomic<T>& object, T& expected, T desired) {
  if (IsSingleThreaded()) return CompareExchangeOwn(object, expected, desired);
  return object.compare_exchange_strong(expected, desired, std::memory_order_acq_rel,
                                        std::memory_order_acquire);
}

}  // namespace limpet::sys
