#include "tools/profile/thread_numbers.h"

#include <algorithm>
#include <iterator>

namespace limpet {
namespace {

constexpr std::uint32_t kBehindAllIds = 1 << 22;  // no kernel gives larger thread ids
constexpr std::uint32_t kMainNumber = 1;
constexpr std::uint32_t kMostThreads = INT32_MAX;
// Times of threads and waits are of a clock that ticks every 10 ms or oftener.
constexpr std::uint64_t kClockSlackNs = 20'000'000;

std::uint64_t LastStart(std::uint64_t since_ns) {
  if (since_ns == 0 || since_ns > UINT64_MAX - kClockSlackNs) return UINT64_MAX;
  return since_ns + kClockSlackNs;
}

bool IsLater(const ThreadNumbers::Owner& known, const ThreadNumbers::Owner& owner) {
  if (known.number == 0 || known.life == owner.life) return known.number < owner.number;
  return owner.life == OwnerLife::kAlive;
}

}  // namespace

std::uint32_t BelievedNumber(std::uint32_t number) { return number <= kMostThreads ? number : 0; }

ThreadNumbers::ThreadNumbers(const SegmentSnapshot& snapshot) : numbers_(snapshot.threads.size()) {
  std::set<std::uint32_t> taken;
  // A forged number may stand twice: the first that has it keeps it.
  for (std::size_t index = 0; index < numbers_.size(); ++index) {
    const std::uint32_t number = BelievedNumber(snapshot.threads[index].number);
    if (number != 0 && taken.insert(number).second) numbers_[index] = number;
  }
  for (std::size_t index = 0; index < numbers_.size(); ++index) {
    if (numbers_[index] == 0) numbers_[index] = FreeNumber(snapshot, index, taken);
  }
  AddOwners(snapshot);
}

std::uint32_t ThreadNumbers::FreeNumber(const SegmentSnapshot& snapshot, std::size_t index,
                                        std::set<std::uint32_t>& taken) {
  const std::uint32_t thread_id = snapshot.threads[index].thread_id;
  const std::uint32_t number =
      thread_id == snapshot.pid ? kMainNumber : std::clamp(thread_id, kMainNumber, kBehindAllIds);
  if (taken.insert(number).second) return number;
  const std::uint32_t behind = std::max(*taken.rbegin(), kBehindAllIds) + 1;
  taken.insert(behind);
  return behind;
}

// Of those that had an id until some time: who lives has it, else who came last.
void ThreadNumbers::AddOwners(const SegmentSnapshot& snapshot) {
  for (std::size_t index = 0; index < numbers_.size(); ++index) {
    const ThreadRecord& thread = snapshot.threads[index];
    const Owner owner{numbers_[index], thread.state == ThreadState::kExited ? OwnerLife::kExited
                                                                            : OwnerLife::kAlive};
    Owner& at_start = owners_[thread.thread_id][thread.started_ns];
    if (IsLater(at_start, owner)) at_start = owner;
  }
  for (auto& [thread_id, by_start] : owners_) {
    Owner last;
    for (auto& [started_ns, owner] : by_start) {
      if (IsLater(last, owner)) last = owner;
      owner = last;
    }
  }
}

// Where nobody has the id, it is another process's (a lock in shared memory), or its thread has
// ended; who is joined is of this process.
ThreadNumbers::Owner ThreadNumbers::OwnerOf(const ThreadRecord& waiting) const {
  const auto owners = owners_.find(waiting.owner_thread_id);
  if (owners == owners_.end()) {
    if (!waiting.is_owner_elsewhere.has_value()) return {};
    const bool is_ours = !*waiting.is_owner_elsewhere || waiting.reason == WaitReason::kJoin;
    return {.life = is_ours ? OwnerLife::kExited : OwnerLife::kElsewhere};
  }
  const std::uint64_t read_ns = waiting.is_owner_current ? 0 : waiting.since_ns;
  const auto after = owners->second.upper_bound(LastStart(read_ns));
  return after == owners->second.begin() ? Owner{.life = OwnerLife::kExited}
                                         : std::prev(after)->second;
}

}  // namespace limpet
