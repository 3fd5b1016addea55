// Starts threads at one moment, so that they meet in the code under test.
//
// Runs: tests.  Threads: makes and joins them.  Allocates: yes.
#pragma once

#include <barrier>
#include <thread>
#include <vector>

namespace limpet::test {

// Calls body(0) ... body(count - 1), each in a thread of its own.
template <class Body>
void InParallel(int count, Body body) {
  std::barrier start(count);
  std::vector<std::thread> threads;
  threads.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&start, &body, i] {
      start.arrive_and_wait();
      body(i);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace limpet::test
