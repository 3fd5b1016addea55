// The queue that every other program has: a mutex, two conditions, and no way to close it.
//
// Runs: program.  Threads: any.  Allocates: yes.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>

template <typename Item>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) {}

  void Push(Item item) {
    std::unique_lock<std::mutex> lock(mutex_);
    while (items_.size() >= capacity_) not_full_.wait(lock);  // blocks: push
    items_.push_back(item);
    not_empty_.notify_one();
  }

  Item Pop() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (items_.empty()) not_empty_.wait(lock);  // blocks: pop
    Item item = items_.front();
    items_.pop_front();
    not_full_.notify_one();
    return item;
  }

 private:
  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable not_full_;
  std::condition_variable not_empty_;
  std::deque<Item> items_;
};
