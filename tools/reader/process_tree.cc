#include "tools/reader/process_tree.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <system_error>
#include <tuple>
#include <utility>

#include "absl/strings/str_format.h"
#include "tools/reader/proc_text.h"
#include "tools/reader/process_facts.h"
#include "tools/reader/segment_directory.h"
#include "tools/reader/segment_head.h"
#include "tools/reader/small_file.h"

namespace limpet {
namespace {

// A process and the two links to its parent.
struct Node {
  TreeProcess process;
  std::uint32_t own_pid = 0;        // in its own namespace
  std::uint64_t pid_namespace = 0;  // inode, 0: unknown
  std::uint32_t uid = 0;
  std::uint32_t proc_parent = 0;    // as seen from here, 0: none
  std::uint32_t stated_parent = 0;  // in the namespace of this process, 0: none
  bool has_exited = false;
};

std::optional<Node> ReadNode(std::uint32_t pid, const std::string& proc) {
  const std::string folder = absl::StrFormat("%s/%d", proc, pid);
  const std::optional<StatFacts> stat = ParseStat(ReadSmallFile(folder + "/stat").value_or(""));
  if (!stat.has_value()) return std::nullopt;
  const std::string status = ReadSmallFile(folder + "/status").value_or("");
  std::error_code error;
  const std::string link = std::filesystem::read_symlink(folder + "/ns/pid", error).string();
  return Node{
      .process = {.pid = pid, .start_ticks = stat->start_ticks, .is_alive = !stat->IsDead()},
      .own_pid = ParseNamespacePid(status).value_or(pid),
      .pid_namespace = ParseNamespaceLink(link).value_or(0),
      .uid = ParseEffectiveUid(status).value_or(0),
      .proc_parent = stat->parent_pid};
}

bool MayShareNamespace(std::uint64_t one, std::uint64_t other) {
  return one == 0 || other == 0 || one == other;
}

// Hundreds of processes name one directory by hundreds of paths.
std::vector<std::string> OnceEach(const std::vector<std::string>& directories) {
  std::vector<std::string> unique;
  std::set<std::pair<dev_t, ino_t>> seen;
  for (const std::string& directory : directories) {
    struct stat facts = {};
    if (stat(directory.c_str(), &facts) != 0) continue;
    if (seen.insert({facts.st_dev, facts.st_ino}).second) unique.push_back(directory);
  }
  return unique;
}

class TreeSearch {
 public:
  TreeSearch(std::uint32_t root, std::string chosen, std::string proc)
      : root_pid_(root), chosen_(std::move(chosen)), proc_(std::move(proc)) {}

  std::vector<TreeProcess> Run() {
    for (std::uint32_t pid : ListProcesses(proc_)) {
      std::optional<Node> node = ReadNode(pid, proc_);
      if (!node.has_value()) continue;
      by_pid_[pid] = nodes_.size();
      AddNode(*std::move(node));
    }
    for (const SegmentEntry& entry : ListSegments(Directories())) AddSegment(entry);
    return List(Descend(FindRoot()));
  }

 private:
  using Index = std::size_t;

  void AddNode(Node node) {
    by_own_pid_[node.own_pid].push_back(nodes_.size());
    nodes_.push_back(std::move(node));
  }

  // Those of the whole tree, as far as /proc alone knows it.
  std::vector<std::string> Directories() const {
    std::vector<std::string> directories = RuntimeDirectories(chosen_);
    const std::optional<Index> root = FindInProc(root_pid_);
    if (!root.has_value()) return directories;
    for (Index index : Descend(*root)) {
      const Node& node = nodes_[index];
      const auto own = DirectoriesOf(node.process.pid, node.uid, chosen_, proc_);
      directories.insert(directories.end(), own.begin(), own.end());
    }
    return OnceEach(directories);
  }

  void AddSegment(const SegmentEntry& entry) {
    const absl::StatusOr<SegmentHead> head = ReadSegmentHead(entry.path);
    if (!head.ok() || !(head->name == entry.name)) return;  // damaged, or a copy under another name
    std::optional<Index> owner = FindOwner(*head);
    if (!owner.has_value()) {
      owner = nodes_.size();
      AddNode({.process = {.pid = head->name.pid, .start_ticks = head->name.start_ticks},
               .own_pid = head->name.pid,
               .pid_namespace = head->pid_namespace});
    }
    Node& node = nodes_[*owner];
    node.process.segment = entry.path;
    node.stated_parent = head->parent_pid;
    node.has_exited = head->has_exited;
  }

  std::optional<Index> FindOwner(const SegmentHead& head) const {
    for (Index index : NumberedInside(head.name.pid)) {
      const Node& node = nodes_[index];
      const bool is_owner = node.process.start_ticks == head.name.start_ticks &&
                            MayShareNamespace(node.pid_namespace, head.pid_namespace);
      if (is_owner) return index;
    }
    return std::nullopt;
  }

  // Those that see themselves under this PID: several where it was used again, or in containers.
  const std::vector<Index>& NumberedInside(std::uint32_t own_pid) const {
    static const auto* const none = new std::vector<Index>();
    const auto place = by_own_pid_.find(own_pid);
    return place == by_own_pid_.end() ? *none : place->second;
  }

  std::optional<Index> FindInProc(std::uint32_t pid) const {
    const auto place = by_pid_.find(pid);
    if (place == by_pid_.end()) return std::nullopt;
    return place->second;
  }

  // The one in /proc, else the newest dead one, else one of which only the PID is known.
  Index FindRoot() {
    if (const std::optional<Index> seen = FindInProc(root_pid_)) return *seen;
    std::optional<Index> newest;
    for (Index index : NumberedInside(root_pid_)) {
      if (nodes_[index].process.pid != root_pid_) continue;  // lives in a container, as another
      if (!newest.has_value() || StartOf(*newest) < StartOf(index)) newest = index;
    }
    if (newest.has_value()) return *newest;
    AddNode({.process = {.pid = root_pid_}, .own_pid = root_pid_});
    return nodes_.size() - 1;
  }

  std::uint64_t StartOf(Index index) const { return nodes_[index].process.start_ticks; }

  // /proc is not read in one moment: a PID may have changed hands meanwhile.
  std::optional<Index> ProcParent(const Node& child) const {
    const std::optional<Index> parent = FindInProc(child.proc_parent);
    if (!parent.has_value() || StartOf(*parent) > child.process.start_ticks) return std::nullopt;
    return parent;
  }

  std::optional<Index> StatedParent(const Node& child) const {
    std::optional<Index> newest;
    if (child.stated_parent == 0) return newest;
    for (Index index : NumberedInside(child.stated_parent)) {
      const bool may_be = StartOf(index) <= child.process.start_ticks &&
                          MayShareNamespace(nodes_[index].pid_namespace, child.pid_namespace);
      if (may_be && (!newest.has_value() || StartOf(*newest) < StartOf(index))) newest = index;
    }
    return newest;
  }

  // The root and all below it, each once, whatever forged headers say.
  std::vector<Index> Descend(Index root) const {
    std::vector<std::vector<Index>> children(nodes_.size());
    for (Index index = 0; index < nodes_.size(); ++index) {
      for (const auto& parent : {ProcParent(nodes_[index]), StatedParent(nodes_[index])}) {
        if (parent.has_value()) children[*parent].push_back(index);
      }
    }
    std::vector<Index> found = {root};
    std::set<Index> seen = {root};
    for (std::size_t next = 0; next < found.size(); ++next) {
      for (Index child : children[found[next]]) {
        if (seen.insert(child).second) found.push_back(child);
      }
    }
    return found;
  }

  std::vector<TreeProcess> List(const std::vector<Index>& found) const {
    std::vector<TreeProcess> processes;
    for (Index index : found) {
      const Node& node = nodes_[index];
      const bool has_left = !node.process.segment.empty() && !node.has_exited;
      const bool is_root = index == found.front();
      if (is_root || node.process.is_alive || has_left) processes.push_back(node.process);
    }
    std::sort(processes.begin() + 1, processes.end(),
              [](const TreeProcess& one, const TreeProcess& other) {
                return std::tie(one.start_ticks, one.pid) < std::tie(other.start_ticks, other.pid);
              });
    return processes;
  }

  std::uint32_t root_pid_;
  std::string chosen_;
  std::string proc_;
  std::vector<Node> nodes_;
  std::map<std::uint32_t, Index> by_pid_;  // those in /proc, as seen from here
  std::map<std::uint32_t, std::vector<Index>> by_own_pid_;
};

}  // namespace

std::vector<TreeProcess> FindProcessTree(std::uint32_t root, const std::string& chosen,
                                         const std::string& proc) {
  return TreeSearch(root, chosen, proc).Run();
}

}  // namespace limpet
