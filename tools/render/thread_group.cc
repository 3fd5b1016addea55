#include "tools/render/thread_group.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>

namespace limpet {
namespace {

using GroupKey =
    std::tuple<const std::string&, const std::string&, const std::vector<std::uint32_t>&,
               const std::vector<std::uint32_t>&, bool>;

GroupKey KeyOf(const ListedThread& thread) {
  return {thread.state, thread.reason, thread.locations, thread.creation_locations,
          thread.is_seen_from_outside};
}

bool WaitsLonger(const ListedThread* one, const ListedThread* other) {
  if (one->waited_ns != other->waited_ns) return one->waited_ns > other->waited_ns;
  return one->number < other->number;
}

bool ComesBefore(const ThreadGroup& one, const ThreadGroup& other) {
  const auto order = [](const ThreadGroup& group) {
    const ListedThread& first = *group.threads.front();
    return std::make_tuple(!first.IsRunning(), group.longest_ns, group.threads.size());
  };
  if (order(one) != order(other)) return order(one) > order(other);
  return one.threads.front()->number < other.threads.front()->number;
}

}  // namespace

std::vector<ThreadGroup> GroupThreads(const ThreadDump& dump) {
  std::map<GroupKey, ThreadGroup> by_key;
  for (const ListedThread& thread : dump.threads) by_key[KeyOf(thread)].threads.push_back(&thread);
  std::vector<ThreadGroup> groups;
  for (auto& [key, group] : by_key) {
    std::sort(group.threads.begin(), group.threads.end(), WaitsLonger);
    group.longest_ns = group.threads.front()->waited_ns;
    group.shortest_ns = group.threads.back()->waited_ns;
    groups.push_back(std::move(group));
  }
  std::sort(groups.begin(), groups.end(), ComesBefore);
  return groups;
}

}  // namespace limpet
