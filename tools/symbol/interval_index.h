// Answers which of many nested intervals is the innermost one around an address.
//
//   given     A [10 ............... 50)      rank 0
//                B [20 ... 30)               rank 1
//   kept      10:A  20:B  30:A  50:none      a look-up is one binary search
//
// The higher rank wins; among equals the later start, then the earlier in order. So neither
// overlapping nor duplicate intervals, of which real files are full, need a special case. What lies
// more than 4 GiB behind the first interval is left out: no module's code is that long.
//
// Runs: companion.  Threads: any, it never changes.  Allocates: yes.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace limpet {

class IntervalIndex {
 public:
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  struct Interval {
    std::uint64_t begin;
    std::uint64_t end;
    std::uint32_t value;
    std::uint32_t rank;
  };

  IntervalIndex() = default;
  explicit IntervalIndex(std::vector<Interval> intervals);

  // The value of the innermost interval around `address`, or kNone.
  std::uint32_t Find(std::uint64_t address) const;
  std::size_t HeldBytes() const { return segments_.size() * sizeof(Segment); }

 private:
  struct Segment {
    std::uint32_t begin;  // from base_
    std::uint32_t value;
  };

  void Append(std::uint64_t begin, std::uint32_t value);

  std::uint64_t base_ = 0;
  std::vector<Segment> segments_;  // sorted; each reaches to the next one's begin
};

}  // namespace limpet
