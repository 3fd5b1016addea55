#include "tools/render/thread_group.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <tuple>

namespace limpet {
namespace {

using GroupKey = std::tuple<const std::string&, const std::string&,
                            const std::vector<std::uint32_t>&, std::size_t, bool>;

// Gives each line that made threads a number.
class CreatorLines {
 public:
  explicit CreatorLines(const SimpleFrames& frames) : frames_(frames) {}

  std::size_t NumberOf(const ListedThread& thread) {
    const auto [known, is_new] = by_stack_.try_emplace(thread.creation_locations);
    if (is_new) {
      const SimpleFrame creator =
          frames_.InnermostOf(thread.creation_locations).value_or(SimpleFrame{});
      known->second =
          by_line_.try_emplace({creator.name, creator.file, creator.line}, by_line_.size())
              .first->second;
    }
    return known->second;
  }

 private:
  const SimpleFrames& frames_;
  std::map<std::vector<std::uint32_t>, std::size_t> by_stack_;
  std::map<std::tuple<std::string, std::string, std::int64_t>, std::size_t> by_line_;
};

GroupKey KeyOf(const ListedThread& thread, CreatorLines& creators) {
  return {thread.state, thread.reason, thread.locations, creators.NumberOf(thread),
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

std::vector<ThreadGroup> GroupThreads(const ThreadDump& dump, const SimpleFrames& frames) {
  CreatorLines creators(frames);
  std::map<GroupKey, ThreadGroup> by_key;
  for (const ListedThread& thread : dump.threads) {
    by_key[KeyOf(thread, creators)].threads.push_back(&thread);
  }
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
