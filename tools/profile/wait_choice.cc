#include "tools/profile/wait_choice.h"

#include <algorithm>

namespace limpet {

WaitChoice::WaitChoice(const std::vector<std::vector<std::size_t>>& waits)
    : waits_(waits), waiting_(waits.size()) {
  left_.reserve(waits.size());
  for (std::size_t index = 0; index < waits.size(); ++index) {
    left_.push_back(waits[index].size());
    for (const std::size_t other : waits[index]) waiting_[other].push_back(index);
  }
}

std::vector<std::size_t> WaitChoice::Choose() {
  for (std::size_t index = 0; index < waits_.size(); ++index)
    if (waits_[index].empty()) TakeAway(index);
  std::vector<std::size_t> next;
  next.reserve(waits_.size());
  for (const std::vector<std::size_t>& whom : waits_) next.push_back(ChoiceOf(whom));
  return next;
}

// And all that wait for nobody else then.
void WaitChoice::TakeAway(std::size_t index) {
  std::vector<std::size_t> gone = {index};
  while (!gone.empty()) {
    const std::size_t one = gone.back();
    gone.pop_back();
    for (const std::size_t other : waiting_[one])
      if (--left_[other] == 0) gone.push_back(other);
  }
}

std::size_t WaitChoice::ChoiceOf(const std::vector<std::size_t>& whom) const {
  if (whom.empty()) return kNobody;
  const auto leads_into_ring = [this](std::size_t index) { return left_[index] != 0; };
  const auto waits = [this](std::size_t index) { return !waits_[index].empty(); };
  auto choice = std::find_if(whom.begin(), whom.end(), leads_into_ring);
  if (choice == whom.end()) choice = std::find_if(whom.begin(), whom.end(), waits);
  return choice == whom.end() ? whom.front() : *choice;
}

}  // namespace limpet
