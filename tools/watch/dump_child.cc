#include "tools/watch/dump_child.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

namespace limpet {
namespace {

constexpr char kOwnExecutable[] = "/proc/self/exe";

std::vector<std::string> ArgumentsOf(const DumpJob& job) {
  std::vector<std::string> arguments = {"limpet", "dump", job.segment, "--reason", job.reason};
  if (!job.directory.empty()) {
    arguments.insert(arguments.end(), {"--directory", job.directory});
  }
  if (!job.is_copy) {
    const std::string runtime = std::filesystem::path(job.segment).parent_path();
    arguments.insert(arguments.end(), {"--runtime-dir", runtime});
  }
  if (job.is_raw) arguments.insert(arguments.end(), {"--format", "raw"});
  return arguments;
}

void OfferToOomKiller() {
  const int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  [[maybe_unused]] const ssize_t written = write(file, "1000", 4);
  close(file);
}

// Behind fork() in a process that has threads: system calls only.
[[noreturn]] void BecomeDump(char* const* arguments, bool is_urgent) {
  static char* const kNoEnvironment[] = {nullptr};
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  OfferToOomKiller();
  const sched_param no_priority = {};
  if (!is_urgent) sched_setscheduler(0, SCHED_IDLE, &no_priority);
  execve(kOwnExecutable, arguments, kNoEnvironment);
  _exit(127);
}

}  // namespace

absl::StatusOr<DumpChild> DumpChild::Start(const DumpJob& job) {
  std::vector<std::string> words = ArgumentsOf(job);
  std::vector<char*> arguments(words.size() + 1, nullptr);
  std::transform(words.begin(), words.end(), arguments.begin(),
                 [](std::string& word) { return word.data(); });
  const int pid = fork();
  if (pid < 0) return absl::ErrnoToStatus(errno, "cannot start limpet dump");
  if (pid == 0) BecomeDump(arguments.data(), job.is_urgent);
  const int descriptor = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (descriptor >= 0) return DumpChild(pid, descriptor);
  const absl::Status status = absl::ErrnoToStatus(errno, "cannot watch limpet dump");
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  return status;
}

DumpChild::DumpChild(DumpChild&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), descriptor_(std::exchange(other.descriptor_, -1)) {}

DumpChild& DumpChild::operator=(DumpChild&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

DumpChild::~DumpChild() {
  if (pid_ != 0) {
    Kill();
    Collect();
  }
  if (descriptor_ >= 0) close(descriptor_);
}

void DumpChild::Kill() const { kill(pid_, SIGKILL); }

void DumpChild::Hurry() const {
  const sched_param usual = {};
  sched_setscheduler(pid_, SCHED_OTHER, &usual);
}

bool DumpChild::Collect() {
  int status = -1;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace limpet
