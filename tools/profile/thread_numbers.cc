#include "tools/profile/thread_numbers.h"

#include <algorithm>

namespace limpet {
namespace {

constexpr std::uint32_t kBehindAllIds = 1 << 22;  // no kernel gives larger thread ids
constexpr std::uint32_t kMainNumber = 1;

}  // namespace

ThreadNumbers::ThreadNumbers(const SegmentSnapshot& snapshot) : numbers_(snapshot.threads.size()) {
  std::set<std::uint32_t> taken;
  // A forged number may stand twice: the first that has it keeps it.
  for (std::size_t index = 0; index < numbers_.size(); ++index) {
    const std::uint32_t number = snapshot.threads[index].number;
    if (number != 0 && taken.insert(number).second) numbers_[index] = number;
  }
  for (std::size_t index = 0; index < numbers_.size(); ++index) {
    if (numbers_[index] == 0) numbers_[index] = FreeNumber(snapshot, index, taken);
    AddOwner(snapshot.threads[index], numbers_[index]);
  }
}

std::uint32_t ThreadNumbers::FreeNumber(const SegmentSnapshot& snapshot, std::size_t index,
                                        std::set<std::uint32_t>& taken) {
  const std::uint32_t thread_id = snapshot.threads[index].thread_id;
  const std::uint32_t number =
      thread_id == snapshot.pid ? kMainNumber : std::max(thread_id, kMainNumber);
  if (taken.insert(number).second) return number;
  const std::uint32_t behind = std::max(*taken.rbegin(), kBehindAllIds) + 1;
  taken.insert(behind);
  return behind;
}

// An id is given again: who lives has it now, else who came last.
void ThreadNumbers::AddOwner(const ThreadRecord& thread, std::uint32_t number) {
  is_complete_ = is_complete_ || thread.kernel_state != 0;
  const bool has_exited = thread.state == ThreadState::kExited;
  Owner& owner = owners_[thread.thread_id];
  const bool is_later = owner.number == 0 || (owner.has_exited && !has_exited) ||
                        (owner.has_exited == has_exited && owner.number < number);
  if (is_later) owner = {number, has_exited};
}

ThreadNumbers::Owner ThreadNumbers::OwnerOf(std::uint32_t thread_id) const {
  const auto owner = owners_.find(thread_id);
  return owner == owners_.end() ? Owner{.has_exited = is_complete_} : owner->second;
}

}  // namespace limpet
