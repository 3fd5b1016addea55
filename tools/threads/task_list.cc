#include "tools/threads/task_list.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "tools/reader/small_file.h"

namespace limpet {
namespace {

constexpr FileLimits kOnePiece = {.max_bytes = 4096, .is_one_piece = true};

std::string TaskFolder(std::uint32_t pid, const std::string& proc) {
  return absl::StrFormat("%s/%d/task", proc, pid);
}

std::uint32_t OwnThreadId(const ProcessFacts& process, std::uint32_t thread_id,
                          const std::string& folder) {
  if (process.namespace_pid == process.pid) return thread_id;
  const std::string status = ReadSmallFile(folder + "/status").value_or("");  // 0: it has ended
  return ParseNamespacePid(status).value_or(0);
}

// What the kernel knows by itself: a file server that does not answer may be what a thread waits
// for, and must not have us wait, too.
bool IsFifo(const std::string& path) {
  struct statx facts {};
  return statx(AT_FDCWD, path.c_str(), AT_STATX_DONT_SYNC, STATX_TYPE, &facts) == 0 &&
         S_ISFIFO(facts.stx_mode);
}

// Nothing: it has ended.
std::optional<TaskFacts> TaskIn(const std::string& folder, std::uint32_t thread_id) {
  std::optional<StatFacts> stat =
      ParseStat(ReadSmallFile(folder + "/stat", kOnePiece).value_or(""));
  if (!stat.has_value() || stat->HasThreadEnded()) return std::nullopt;
  return TaskFacts{.thread_id = thread_id, .own_thread_id = thread_id, .stat = *std::move(stat)};
}

}  // namespace

std::vector<TaskFacts> ListTasks(const ProcessFacts& process, const std::string& proc) {
  std::vector<TaskFacts> tasks;
  std::error_code error;
  const std::string all = TaskFolder(process.pid, proc);
  for (std::filesystem::directory_iterator entry(all, error), end; entry != end && !error;
       entry.increment(error)) {
    std::uint32_t thread_id = 0;
    if (!absl::SimpleAtoi(entry->path().filename().string(), &thread_id)) continue;
    const std::string folder = entry->path().string();
    std::optional<TaskFacts> task = TaskIn(folder, thread_id);
    if (!task.has_value()) continue;
    task->own_thread_id = OwnThreadId(process, thread_id, folder);
    if (task->own_thread_id != 0) tasks.push_back(*std::move(task));
  }
  return tasks;
}

std::optional<TaskFacts> ReadTask(const ProcessFacts& process, std::uint32_t thread_id,
                                  const std::string& proc) {
  return TaskIn(absl::StrFormat("%s/%d", TaskFolder(process.pid, proc), thread_id), thread_id);
}

TaskFiles::TaskFiles(std::uint32_t pid, std::uint32_t thread_id, const std::string& proc)
    : folder_(absl::StrFormat("%s/%d", TaskFolder(pid, proc), thread_id)) {}

std::optional<TaskSyscall> TaskFiles::Syscall() const {
  const absl::StatusOr<std::string> text = ReadSmallFile(folder_ + "/syscall", kOnePiece);
  return text.ok() ? ParseSyscall(*text) : std::nullopt;
}

bool TaskFiles::MayAsk(int signal) const {
  const std::optional<SignalFacts> signals =
      ParseSignals(ReadSmallFile(folder_ + "/status").value_or(""));
  return signals.has_value() && signals->is_running && signals->Catches(signal) &&
         !signals->Blocks(signal) && !signals->is_strict;
}

std::optional<std::uint64_t> TaskFiles::CpuNs() const {
  const std::string text = ReadSmallFile(folder_ + "/schedstat", kOnePiece).value_or("");
  std::uint64_t ns = 0;  // the first of its three numbers
  const bool is_number = absl::SimpleAtoi(text.substr(0, text.find(' ')), &ns);
  return is_number ? std::optional<std::uint64_t>(ns) : std::nullopt;
}

std::string TaskFiles::WaitChannel() const {
  const std::string text(
      absl::StripAsciiWhitespace(ReadSmallFile(folder_ + "/wchan", kOnePiece).value_or("")));
  return text == "0" ? "" : text;
}

std::string ReadDescriptorTarget(std::uint32_t pid, std::int32_t descriptor,
                                 const std::string& proc) {
  std::error_code error;
  const std::string link = absl::StrFormat("%s/%d/fd/%d", proc, pid, descriptor);
  const std::string target = std::filesystem::read_symlink(link, error).string();
  return absl::StartsWith(target, "/") && IsFifo(link) ? "pipe:" + target : target;
}

bool IsEnding(std::uint32_t pid, const std::string& proc) {
  constexpr std::uint64_t kKilled = std::uint64_t{1} << (SIGKILL - 1);
  const std::string folder =
      absl::StrFormat("%s/%d", TaskFolder(pid, proc), LivingThreadOf(pid, proc));
  const auto signals = ParseSignals(ReadSmallFile(folder + "/status").value_or(""));
  const auto stat = ParseStat(ReadSmallFile(folder + "/stat", kOnePiece).value_or(""));
  if (!signals.has_value() || !stat.has_value()) return true;
  return (signals->pending & kKilled) != 0 || stat->is_exiting || stat->HasThreadEnded();
}

}  // namespace limpet
