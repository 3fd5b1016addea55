// Of all whom a thread waits for, the one that counts: with one each, the waits are followed, not
// searched.
//
//   2 ──▶ 3, 4, 5 (readers)      4 ──▶ 2: 2 waits for ever, whatever 3 and 5 do      2 ──▶ 4 ──▶ 2
//
// Who waits for several goes on when all of them have let go. So any one will do from which a way
// leads into a ring, and these are found without following any: what waits for nobody is taken
// away, then what waited for these alone, and so on; all that is left leads into a ring.
//
// Linear in the number of waits.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace limpet {

class WaitChoice {
 public:
  static constexpr std::size_t kNobody = SIZE_MAX;

  // waits[i]: whom i waits for, indexes into `waits`.
  explicit WaitChoice(const std::vector<std::vector<std::size_t>>& waits);

  // Whom each waits for; kNobody: for nobody. Where none of several leads into a ring, the first
  // that waits itself, or else the first.
  std::vector<std::size_t> Choose();

 private:
  void TakeAway(std::size_t index);
  std::size_t ChoiceOf(const std::vector<std::size_t>& whom) const;

  const std::vector<std::vector<std::size_t>>& waits_;
  std::vector<std::vector<std::size_t>> waiting_;  // for whom: who
  std::vector<std::size_t> left_;                  // for how many each waits that are not gone
};

}  // namespace limpet
