#include "tools/launch/watcher_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "absl/strings/str_cat.h"

namespace limpet {
namespace {

void OpenNullDescriptors() {
  const int null = open("/dev/null", O_RDWR);
  for (int descriptor = 0; descriptor < 3; ++descriptor) dup2(null, descriptor);
  close_range(3, ~0U, 0);
}

void ResetSignals() {
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void BecomeWatcher(const WatcherProcess& watcher) {
  static char* const kNoEnvironment[] = {nullptr};
  std::vector<std::string> words = {
      "limpet",      "watch",           "--runtime-dir", watcher.runtime_directory,
      "--directory", watcher.directory, "--pid",         absl::StrCat(watcher.program)};
  std::vector<char*> arguments(words.size() + 1, nullptr);
  std::transform(words.begin(), words.end(), arguments.begin(),
                 [](std::string& word) { return word.data(); });
  setsid();
  ResetSignals();
  OpenNullDescriptors();
  execve(watcher.executable.c_str(), arguments.data(), kNoEnvironment);
  _exit(127);
}

}  // namespace

bool StartDetachedWatcher(const WatcherProcess& watcher) {
  const pid_t middle = fork();
  if (middle < 0) return false;
  if (middle == 0) {
    if (fork() == 0) BecomeWatcher(watcher);
    _exit(0);
  }
  while (waitpid(middle, nullptr, 0) < 0 && errno == EINTR) {
  }
  return true;
}

pid_t StartWatcherChild(const WatcherProcess& watcher) {
  const pid_t child = fork();
  if (child == 0) BecomeWatcher(watcher);
  return child;
}

}  // namespace limpet
