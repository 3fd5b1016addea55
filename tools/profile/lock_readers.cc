#include "tools/profile/lock_readers.h"

#include <algorithm>

namespace limpet {

LockReaders::LockReaders(const SegmentSnapshot& snapshot, const ThreadNumbers& numbers) {
  for (const ThreadState state :
       {ThreadState::kParked, ThreadState::kRunning, ThreadState::kExited})
    AddThreads(snapshot, numbers, state);
  for (auto& [lock, readers] : readers_) std::sort(readers.begin(), readers.end());
}

std::vector<std::uint32_t> LockReaders::Of(std::uint64_t lock) const {
  const auto readers = readers_.find(lock);
  return readers == readers_.end() ? std::vector<std::uint32_t>() : readers->second;
}

const LockReaders::Ended* LockReaders::EndedOf(std::uint64_t lock) const {
  const auto ended = ended_.find(lock);
  return ended == ended_.end() ? nullptr : &ended->second;
}

void LockReaders::AddThreads(const SegmentSnapshot& snapshot, const ThreadNumbers& numbers,
                             ThreadState state) {
  for (std::size_t index = 0; index < snapshot.threads.size(); ++index) {
    const ThreadRecord& thread = snapshot.threads[index];
    if (thread.state == state) AddThread(thread, numbers.Of(index));
  }
}

void LockReaders::AddThread(const ThreadRecord& thread, std::uint32_t number) {
  for (const std::uint64_t lock : thread.read_locks) {
    std::vector<std::uint32_t>& readers = readers_[lock];
    const bool is_twice = !readers.empty() && readers.back() == number;
    if (thread.state == ThreadState::kExited)
      ended_[lock] = {number, thread.thread_id};
    else if (!is_twice && readers.size() < kMostReaders)
      readers.push_back(number);
  }
}

}  // namespace limpet
