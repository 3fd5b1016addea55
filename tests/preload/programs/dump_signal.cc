// Deals with the dump signal in every way a program can.

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preload/programs/stage.h"

namespace {

volatile sig_atomic_t g_child_signals = 0;
volatile sig_atomic_t g_own_signals = 0;

void CountChild(int) { g_child_signals = g_child_signals + 1; }
void CountOwn(int) { g_own_signals = g_own_signals + 1; }

SITE void SignalledAllocates() {
  for (int i = 0; i < 10; ++i) UseBlock(malloc(100));
}

int CountEntries(const char* path) {
  int count = 0;
  DIR* directory = opendir(path);
  while (readdir(directory) != nullptr) ++count;
  closedir(directory);
  return count;
}

void RaiseUnseen() {
  errno = 77;
  raise(SIGUSR1);
  Require(errno == 77, "errno is kept");
  Require(waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD, "there is no child");
  errno = 77;
}

void CheckNothingIsLeft(int descriptors) {
  struct sigaction seen = {};
  Require(CountEntries("/proc/self/fd") == descriptors, "the descriptors are the same");
  Require(CountEntries("/proc/self/task") == 3, "there is one thread");
  Require(g_child_signals == 0, "no SIGCHLD came");
  Require(sigaction(SIGUSR1, nullptr, &seen) == 0 && seen.sa_handler == SIG_DFL,
          "the action is the default");
  Require(signal(SIGUSR1, SIG_DFL) == SIG_DFL, "the handler is the default");
}

void RaiseTwice() {
  int descriptors = CountEntries("/proc/self/fd");
  signal(SIGCHLD, CountChild);
  SignalledAllocates();
  for (int i = 0; i < 2; ++i) {
    RaiseUnseen();
    Say("raised");
    WaitForTest();
    CheckNothingIsLeft(descriptors);
  }
  Say("waiting");  // in read(), which the test interrupts by a third signal
  WaitForTest();
  CheckNothingIsLeft(descriptors);
}

void RaiseOften() {
  for (int i = 0; i < 50; ++i) raise(SIGUSR1);
  Say("raised");
  WaitForTest();
}

sigset_t Block(int signal) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, signal);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

void UseHandler(int signal, const char* way) {
  struct sigaction action = {}, old = {};
  action.sa_handler = CountOwn;
  if (IsMode(way, "signal")) {
    Require(::signal(signal, CountOwn) == SIG_DFL, "the old handler is the default");
  } else {
    Require(sigaction(signal, &action, &old) == 0 && old.sa_handler == SIG_DFL, "likewise");
  }
  Say("ready");
  while (g_own_signals == 0) usleep(1000);
}

void UseSigwait(int signal) {
  int got = 0;
  sigset_t signals = Block(signal);
  Say("ready");
  Require(sigwait(&signals, &got) == 0 && got == signal, "sigwait gets it");
}

void UseSigtimedwait(int signal, const char* way) {
  const timespec patience = {30, 0};
  siginfo_t info = {};
  sigset_t signals = Block(signal);
  Say("ready");
  int got = IsMode(way, "sigwaitinfo") ? sigwaitinfo(&signals, &info)
                                       : sigtimedwait(&signals, &info, &patience);
  Require(got == signal && info.si_signo == signal, "it is waited for");
}

// Comes only inside of ppoll or pselect, and ends them.
void UseMask(int signal, const char* way) {
  struct sigaction action = {};
  action.sa_handler = CountOwn;
  sigset_t none;
  sigemptyset(&none);
  Block(signal);
  Require(sigaction(signal, &action, nullptr) == 0, "the handler is set");
  Say("ready");
  int result = IsMode(way, "ppoll") ? ppoll(nullptr, 0, nullptr, &none)
                                    : pselect(0, nullptr, nullptr, nullptr, nullptr, &none);
  Require(result == -1 && errno == EINTR && g_own_signals == 1, "it comes there");
}

// Deprecated, but there, and old programs have it.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
void UseSigset(int signal) {
  Require(sigset(signal, CountOwn) == SIG_DFL, "the old handler is the default");
  Say("ready");
  while (g_own_signals == 0) usleep(1000);
  Require(sigset(signal, SIG_HOLD) == CountOwn, "the handler is its own");
}
#pragma GCC diagnostic pop

void UseSignalfd(int signal) {
  sigset_t signals = Block(signal);
  int descriptor = signalfd(-1, &signals, 0);
  signalfd_siginfo got = {};
  Say("ready");
  Require(read(descriptor, &got, sizeof(got)) == sizeof(got), "signalfd gets it");
  Require(got.ssi_signo == static_cast<unsigned>(signal), "the right one");
}

void KeepIgnored() {
  struct sigaction seen = {};
  Require(sigaction(SIGUSR1, nullptr, &seen) == 0 && seen.sa_handler == SIG_IGN, "it is ignored");
  raise(SIGUSR1);
  Say("ready");
}

// Bytes of a signal stack that `signal` makes dirty, the kernel's own frame included.
long DepthOf(int signal) {
  static char stack[1 << 16];
  const stack_t alternate = {.ss_sp = stack, .ss_flags = 0, .ss_size = sizeof(stack)};
  memset(stack, 0xA5, sizeof(stack));
  Require(sigaltstack(&alternate, nullptr) == 0, "there is a signal stack");
  raise(signal);
  long untouched = 0;
  while (stack[untouched] == '\xA5') ++untouched;
  return static_cast<long>(sizeof(stack)) - untouched;
}

// How much deeper than a handler that does nothing ours goes: first with the segment to be made.
void MeasureStack() {
  struct sigaction action = {};
  action.sa_handler = CountOwn;
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGUSR2, &action, nullptr);
  long nothing = DepthOf(SIGUSR2);
  long first = DepthOf(SIGUSR1);
  Say("deep %ld %ld", first - nothing, DepthOf(SIGUSR1) - nothing);
  WaitForTest();
}

}  // namespace

int main(int, char** arguments) {
  const char* way = arguments[1];
  StartWatchdog();
  if (IsMode(way, "twice")) return RaiseTwice(), 0;
  if (IsMode(way, "stack")) return MeasureStack(), 0;
  SignalledAllocates();
  if (IsMode(way, "often")) return RaiseOften(), 0;
  if (IsMode(way, "end")) return raise(SIGUSR1);
  if (IsMode(way, "sigaction") || IsMode(way, "signal")) UseHandler(SIGUSR1, way);
  if (IsMode(way, "sigwait")) UseSigwait(SIGUSR1);
  if (IsMode(way, "signalfd")) UseSignalfd(SIGUSR1);
  if (IsMode(way, "sigwaitinfo") || IsMode(way, "sigtimedwait")) UseSigtimedwait(SIGUSR1, way);
  if (IsMode(way, "ppoll") || IsMode(way, "pselect")) UseMask(SIGUSR1, way);
  if (IsMode(way, "sigset")) UseSigset(SIGUSR1);
  if (IsMode(way, "ignored")) KeepIgnored();
  Say("mine");
  WaitForTest();
}
