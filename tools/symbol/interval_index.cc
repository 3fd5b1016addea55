#include "tools/symbol/interval_index.h"

#include <algorithm>
#include <queue>
#include <tuple>

namespace limpet {
namespace {

// Of the open intervals, by position in the sorted order, the innermost is on top.
class OpenIntervals {
 public:
  explicit OpenIntervals(const std::vector<IntervalIndex::Interval>& sorted)
      : sorted_(sorted), open_(Outer{sorted}) {}

  void Open(std::size_t position) { open_.push(position); }

  const IntervalIndex::Interval* InnermostAt(std::uint64_t address) {
    while (!open_.empty() && sorted_[open_.top()].end <= address) open_.pop();
    return open_.empty() ? nullptr : &sorted_[open_.top()];
  }

 private:
  struct Outer {
    const std::vector<IntervalIndex::Interval>& sorted;
    bool operator()(std::size_t left, std::size_t right) const {
      const auto& a = sorted[left];
      const auto& b = sorted[right];
      return std::tie(a.rank, a.begin, right) < std::tie(b.rank, b.begin, left);
    }
  };

  const std::vector<IntervalIndex::Interval>& sorted_;
  std::priority_queue<std::size_t, std::vector<std::size_t>, Outer> open_;
};

}  // namespace

IntervalIndex::IntervalIndex(std::vector<Interval> intervals) {
  std::erase_if(intervals, [](const Interval& one) { return one.begin >= one.end; });
  std::stable_sort(intervals.begin(), intervals.end(),
                   [](const Interval& a, const Interval& b) { return a.begin < b.begin; });
  if (!intervals.empty()) base_ = intervals.front().begin;
  OpenIntervals open(intervals);
  std::size_t next = 0;
  std::uint64_t address = base_;
  for (;;) {
    while (next < intervals.size() && intervals[next].begin <= address) open.Open(next++);
    const Interval* innermost = open.InnermostAt(address);
    Append(address, innermost == nullptr ? kNone : innermost->value);
    if (innermost == nullptr && next == intervals.size()) break;
    // The winner changes only where it ends or where another interval begins.
    address = next == intervals.size() ? innermost->end : intervals[next].begin;
    if (innermost != nullptr) address = std::min(address, innermost->end);
  }
  segments_.shrink_to_fit();
}

std::uint32_t IntervalIndex::Find(std::uint64_t address) const {
  if (address < base_) return kNone;
  const auto after = std::upper_bound(
      segments_.begin(), segments_.end(), address - base_,
      [](std::uint64_t wanted, const Segment& segment) { return wanted < segment.begin; });
  return after == segments_.begin() ? kNone : std::prev(after)->value;
}

void IntervalIndex::Append(std::uint64_t begin, std::uint32_t value) {
  if (segments_.empty() ? value == kNone : segments_.back().value == value) return;
  if (begin - base_ > kNone) return;
  segments_.push_back({static_cast<std::uint32_t>(begin - base_), value});
}

}  // namespace limpet
