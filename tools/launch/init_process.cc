#include "tools/launch/init_process.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

namespace limpet {
namespace {

constexpr timespec kLastProfilePatience = {60, 0};
constexpr int kExitCannotFork = 125;

int StatusOf(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// The program gets a process group of its own and the terminal with it, so that what is typed there
// reaches it once, not through us a second time.
void TakeTerminal() {
  const bool is_foreground = tcgetpgrp(STDIN_FILENO) == getpgrp();
  setpgid(0, 0);
  // From the background, where we now are: SIGTTOU would stop us, were it not blocked.
  if (is_foreground) tcsetpgrp(STDIN_FILENO, getpid());
}

class Init {
 public:
  Init(pid_t program, pid_t watcher) : program_(program), watcher_(watcher) {}

  int Run(const sigset_t& signals) {
    while (!status_.has_value()) {
      int signal = 0;
      if (sigwait(&signals, &signal) == 0) Handle(signal);
    }
    LetWatcherFinish(signals);
    return *status_;
  }

 private:
  void Handle(int signal) {
    if (signal == SIGCHLD) return Reap();
    kill(program_, signal);
  }

  void Reap() {
    int status = 0;
    for (pid_t child; (child = waitpid(-1, &status, WNOHANG)) > 0;) {
      if (child == program_) status_ = StatusOf(status);
      if (child == watcher_) watcher_ = -1;
    }
  }

  // All ends with us; what was killed is dumped before.
  void LetWatcherFinish(const sigset_t& signals) {
    if (watcher_ > 0) kill(watcher_, SIGTERM);
    while (watcher_ > 0) {
      if (sigtimedwait(&signals, nullptr, &kLastProfilePatience) < 0 && errno == EAGAIN) return;
      Reap();
    }
  }

  pid_t program_;
  pid_t watcher_;
  std::optional<int> status_;
};

}  // namespace

int RunAsInit(const std::function<int()>& become_program,
              const std::function<pid_t(pid_t)>& start_watcher) {
  sigset_t signals;
  sigset_t usual;
  sigfillset(&signals);
  for (int fault : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP}) {
    sigdelset(&signals, fault);
  }
  sigprocmask(SIG_BLOCK, &signals, &usual);
  // Ignored, as we may have inherited it, it would not tell us that a child has ended.
  struct sigaction telling = {};
  struct sigaction inherited = {};
  telling.sa_handler = SIG_DFL;
  sigaction(SIGCHLD, &telling, &inherited);
  const pid_t program = fork();
  if (program < 0) return kExitCannotFork;
  if (program == 0) {
    TakeTerminal();
    sigaction(SIGCHLD, &inherited, nullptr);
    sigprocmask(SIG_SETMASK, &usual, nullptr);
    _exit(become_program());
  }
  return Init(program, start_watcher(program)).Run(signals);
}

}  // namespace limpet
