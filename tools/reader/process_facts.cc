#include "tools/reader/process_facts.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "tools/reader/small_file.h"

namespace limpet {
namespace {

constexpr char kLibraryName[] = "liblimpet.so";
constexpr std::size_t kMaxMapsBytes = std::size_t{64} << 20;  // 65,530 mappings of long paths

std::string Folder(const std::string& proc, std::uint32_t pid) {
  return absl::StrFormat("%s/%d", proc, pid);
}

std::string ReadLink(const std::string& path) {
  std::error_code error;
  return std::filesystem::read_symlink(path, error).string();
}

bool HasEnded(const std::string& folder) {
  const std::optional<StatFacts> stat = ParseStat(ReadSmallFile(folder + "/stat").value_or(""));
  return !stat.has_value() || stat->HasThreadEnded();
}

void FillMemory(const std::string& status, ProcessFacts& facts) {
  facts.threads = ParseField(status, "Threads").value_or(0);
  facts.resident_bytes = ParseField(status, "VmRSS").value_or(0);
  facts.resident_anonymous_bytes = ParseField(status, "RssAnon").value_or(0);
}

}  // namespace

std::uint32_t LivingThreadOf(std::uint32_t pid, const std::string& proc) {
  if (!HasEnded(Folder(proc, pid))) return pid;
  // One can be asked for by /proc/TID, though it is not listed there.
  for (const std::uint32_t thread_id : ListProcesses(Folder(proc, pid) + "/task")) {
    if (!HasEnded(Folder(proc, thread_id))) return thread_id;
  }
  return pid;
}

absl::StatusOr<ProcessFacts> ReadProcess(std::uint32_t pid, const std::string& proc) {
  const std::string folder = Folder(proc, pid);
  absl::StatusOr<std::string> stat_text = ReadSmallFile(folder + "/stat");
  if (!stat_text.ok()) {
    return absl::NotFoundError(absl::StrFormat("there is no process %d", pid));
  }
  const std::optional<StatFacts> stat = ParseStat(*stat_text);
  if (!stat.has_value()) {
    return absl::DataLossError(absl::StrFormat("%s/stat is not as Linux writes it", folder));
  }
  // Gone since: without its user it would be taken for root's.
  const std::string status = ReadSmallFile(folder + "/status").value_or("");
  const std::optional<std::uint32_t> uid = ParseEffectiveUid(status);
  if (!uid.has_value()) return absl::NotFoundError(absl::StrFormat("there is no process %d", pid));

  const std::string thread = Folder(proc, LivingThreadOf(pid, proc));
  ProcessFacts facts{.pid = pid,
                     .namespace_pid = ParseNamespacePid(status).value_or(pid),
                     .uid = *uid,
                     .start_ticks = stat->start_ticks,
                     .is_alive = !stat->IsDead(),
                     .executable = ReadLink(thread + "/exe")};
  FillMemory(ReadSmallFile(thread + "/status").value_or(""), facts);
  const absl::StatusOr<std::string> maps =
      ReadSmallFile(thread + "/maps", {.max_bytes = kMaxMapsBytes});
  if (maps.ok()) {
    facts.has_limpet = MapsHaveLibrary(*maps, kLibraryName);
    facts.segment = FindMappedNode(
        *maps, absl::StrFormat("%d-%d.segment", facts.namespace_pid, facts.start_ticks));
  }
  return facts;
}

bool IsSegmentOf(const ProcessFacts& process, const std::string& path) {
  if (!process.has_limpet.value_or(true)) return false;  // it has become another program
  struct stat status = {};
  const bool is_known = process.has_limpet.value_or(false) && stat(path.c_str(), &status) == 0 &&
                        // On a stack of file systems the two tell different numbers.
                        (process.segment.inode == 0 || process.segment.device == status.st_dev);
  return !is_known || process.segment.inode == status.st_ino;
}

std::vector<std::uint32_t> ListProcesses(const std::string& proc) {
  std::vector<std::uint32_t> pids;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(proc, error)) {
    std::uint32_t pid = 0;
    if (absl::SimpleAtoi(entry.path().filename().string(), &pid)) pids.push_back(pid);
  }
  std::sort(pids.begin(), pids.end());
  return pids;
}

std::optional<std::string> ReadEnvironment(std::uint32_t pid, const std::string& name,
                                           const std::string& proc) {
  const std::string folder = Folder(proc, LivingThreadOf(pid, proc));
  const absl::StatusOr<std::string> text = ReadSmallFile(folder + "/environ");
  if (!text.ok()) return std::nullopt;
  return EnvironmentValue(*text, name);
}

std::string AbsolutePathIn(std::uint32_t pid, const std::string& path, const std::string& proc) {
  if (path.empty() || path[0] == '/') return path;
  const std::string base = ReadLink(Folder(proc, LivingThreadOf(pid, proc)) + "/cwd");
  return base.empty() ? path : base + "/" + path;
}

std::string ForeignRootOf(const ProcessFacts& process, const std::string& proc) {
  const std::string folder = Folder(proc, LivingThreadOf(process.pid, proc));
  const std::string own_folder = proc + "/self";
  const std::string root = ReadLink(folder + "/root");
  const bool is_ours = root == ReadLink(own_folder + "/root") &&
                       ReadLink(folder + "/ns/mnt") == ReadLink(own_folder + "/ns/mnt");
  return root.empty() || is_ours ? "" : folder + "/root";
}

}  // namespace limpet
