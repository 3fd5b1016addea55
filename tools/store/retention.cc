#include "tools/store/retention.h"

#include <algorithm>

namespace limpet {

bool IsAskedFor(const DumpRecord& dump) {
  return dump.reason == kReasonDemand || dump.reason == "signal";
}

bool IsLastWord(const DumpRecord& dump) { return dump.reason == "exit" || dump.reason == "death"; }

std::vector<std::size_t> RemovalOrder(const std::vector<DumpRecord>& dumps) {
  std::vector<std::size_t> order;
  for (std::size_t index = 1; index + 1 < dumps.size(); ++index) {
    if (!IsLastWord(dumps[index])) order.push_back(index);
  }
  std::stable_partition(order.begin(), order.end(),
                        [&](std::size_t index) { return !IsAskedFor(dumps[index]); });
  return order;
}

}  // namespace limpet
