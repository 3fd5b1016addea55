// Threads that run while a companion looks, each in a function of its own, beside such as must not
// be disturbed.

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

#include "tests/preload/programs/stage.h"

namespace {

volatile bool g_is_over = false;
volatile unsigned long g_turns = 0;

template <void (*kWork)()>
void* Run(void* name) {
  pthread_setname_np(pthread_self(), static_cast<const char*>(name));
  kWork();
  return nullptr;
}

template <void (*kWork)()>
pthread_t Start(const char* name) {
  pthread_t thread;
  Require(pthread_create(&thread, nullptr, Run<kWork>, const_cast<char*>(name)) == 0,
          "a thread starts");
  return thread;
}

void Block(int signal) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

// --- That run ---

// All on one line, so that its number is that of every instruction of the loop.
SITE void SpinFirst() {
  while (!g_is_over) g_turns = g_turns + 1;
}
constexpr int kSpinFirstLine = __LINE__ - 2;

SITE void SpinSecond() {
  while (!g_is_over) g_turns = g_turns + 3;
}

SITE void SpinUnasked() {
  Block(SIGURG);
  while (!g_is_over) g_turns = g_turns + 5;
}

// Most of its time in a signal handler on a stack of its own.
SITE void SpinInHandler(int) {
  while (!g_is_over) g_turns = g_turns + 7;
}

SITE void SpinHandled() {
  static char stack[1 << 16];
  const stack_t alternate = {.ss_sp = stack, .ss_flags = 0, .ss_size = sizeof(stack)};
  struct sigaction action = {};
  action.sa_handler = SpinInHandler;
  action.sa_flags = SA_ONSTACK;
  Require(sigaltstack(&alternate, nullptr) == 0, "there is a signal stack");
  Require(sigaction(SIGUSR2, &action, nullptr) == 0, "there is a handler");
  pthread_kill(pthread_self(), SIGUSR2);
}

// On a signal stack that the kernel's own frame nearly fills.
SITE void SpinTight() {
  static char stack[1 << 16];
  const long frame_bytes = sysconf(_SC_MINSIGSTKSZ);
  const stack_t alternate = {
      .ss_sp = stack, .ss_flags = 0, .ss_size = static_cast<size_t>(frame_bytes)};
  Require(sigaltstack(&alternate, nullptr) == 0, "there is a signal stack");
  while (!g_is_over) g_turns = g_turns + 9;
}

// A frame's end, as compilers leave it: rbp has been restored, its place on the stack is below the
// stack pointer, and the unwind table does not say so.
asm(R"(
  .pushsection .text
  .type SpinBehindItsFrame, @function
SpinBehindItsFrame:
  .cfi_startproc
  push %rbp
  .cfi_def_cfa_offset 16
  .cfi_offset 6, -16
  mov %rsp, %rbp
  .cfi_def_cfa_register 6
  pop %rbp
  .cfi_def_cfa 7, 8
1:
  cmpb $0, (%rdi)
  je 1b
  ret
  .cfi_endproc
  .size SpinBehindItsFrame, . - SpinBehindItsFrame
  .popsection
)");
extern "C" void SpinBehindItsFrame(const volatile bool* is_over);

// With a frame pointer, so that the way out needs the rbp of the frame above.
[[gnu::noinline, gnu::noclone, gnu::optimize("no-omit-frame-pointer")]] void CallSpin() {
  void* room = __builtin_alloca(static_cast<size_t>(getpid() % 7 + 16));
  UseBlock(room);
  SpinBehindItsFrame(&g_is_over);
  UseBlock(room);
}

// Never long anywhere: mostly in the library that watches it.
SITE void SpinAllocating() {
  while (!g_is_over) {
    void* block = malloc(40);
    UseBlock(block);
    free(block);
  }
}

void SpinAll() {
  Start<SpinFirst>("first");
  Start<SpinSecond>("second");
  Start<SpinUnasked>("unasked");
  Say("line %d", kSpinFirstLine);
}

// --- That are blocked ---

std::atomic<int> g_disturbed = 0;

void Note(bool is_disturbed) {
  if (is_disturbed && errno == EINTR) ++g_disturbed;
}

int g_silent_pipe[2];

void SleepOn() {
  const timespec long_time = {1000, 0};
  Note(nanosleep(&long_time, nullptr) != 0);
}
void ReadOn() {
  char letter = 0;
  Note(read(g_silent_pipe[0], &letter, 1) < 0);
}
void PollOn() {
  pollfd one = {.fd = g_silent_pipe[0], .events = POLLIN, .revents = 0};
  Note(poll(&one, 1, 1'000'000) < 0);
}
void EpollOn() {
  epoll_event event;
  Note(epoll_wait(epoll_create1(0), &event, 1, 1'000'000) < 0);
}
void WaitOn() {
  static sem_t semaphore;
  timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 1000;
  sem_init(&semaphore, 0, 0);
  Note(sem_timedwait(&semaphore, &until) < 0);
}
void PauseOn() { Note(pause() < 0); }

void BlockAll() {
  Require(pipe(g_silent_pipe) == 0, "there is a pipe");
  Start<SleepOn>("sleep");
  Start<ReadOn>("read");
  Start<PollOn>("poll");
  Start<EpollOn>("epoll");
  Start<WaitOn>("wait");
  Start<PauseOn>("pause");
  Start<SpinFirst>("first");
  usleep(200'000);
  Say("ready");
  WaitForTest();
  Say("disturbed %d", g_disturbed.load());
}

// --- Whose signal it is ---

std::atomic<int> g_own = 0;
std::atomic<int> g_foreign = 0;

void CountOwn(int, siginfo_t* info, void*) {
  if (info->si_code == SI_QUEUE)
    ++g_foreign;
  else
    ++g_own;
}

void UseOwnHandler() {
  struct sigaction action = {}, seen = {};
  action.sa_sigaction = CountOwn;
  action.sa_flags = SA_SIGINFO;
  Require(sigaction(SIGURG, &action, &seen) == 0 && seen.sa_handler == SIG_DFL, "it was default");
  Require(sigaction(SIGURG, nullptr, &seen) == 0 && seen.sa_sigaction == CountOwn, "it is its own");
  Start<SpinFirst>("first");
  raise(SIGURG);
  Say("ready");
  WaitForTest();
  raise(SIGURG);
  Say("own %d", g_own.load());
  Say("foreign %d", g_foreign.load());
}

void IgnoreIt() {
  Require(signal(SIGURG, SIG_IGN) == SIG_DFL, "it was default");
  Start<SpinFirst>("first");
}

void AskForUrgentData() {
  int peer = socket(AF_INET, SOCK_STREAM, 0);
  Require(fcntl(peer, F_SETOWN, getpid()) == 0, "a socket has an owner");
  Start<SpinFirst>("first");
}

void AskForUrgentDataOfOld() {
  int peer = socket(AF_INET, SOCK_STREAM, 0);
  int owner = getpid();
  Require(ioctl(peer, FIOSETOWN, &owner) == 0, "a socket has an owner");
  Start<SpinFirst>("first");
}

// What the program sees where the handler is ours.
void LookAtIt() {
  struct sigaction seen = {};
  Start<SpinFirst>("first");
  Require(sigaction(SIGURG, nullptr, &seen) == 0 && seen.sa_handler == SIG_DFL, "it is default");
  seen.sa_handler = SIG_DFL;
  Require(sigaction(SIGURG, &seen, nullptr) == 0, "it may be set to that");
  Require(signal(SIGURG, SIG_DFL) == SIG_DFL, "and so again");
  const union sigval forged = {.sival_ptr = reinterpret_cast<void*>(1)};
  errno = 77;
  for (int i = 0; i < 100; ++i) {
    raise(SIGURG);
    sigqueue(getpid(), SIGURG, forged);
  }
  Require(errno == 77, "errno is kept");
}

void LeaveByExec() {
  Start<SpinFirst>("first");
  Say("ready");
  WaitForTest();
  unsetenv("LD_PRELOAD");
  execl("/bin/sleep", "sleep", "50", nullptr);
}

}  // namespace

int main(int, char** arguments) {
  const char* mode = arguments[1];
  StartWatchdog();
  if (IsMode(mode, "spin")) SpinAll();
  if (IsMode(mode, "handled")) Start<SpinHandled>("handled");
  if (IsMode(mode, "tight")) Start<SpinTight>("tight");
  if (IsMode(mode, "ends")) Start<CallSpin>("ends");
  if (IsMode(mode, "allocates")) Start<SpinAllocating>("allocates");
  if (IsMode(mode, "blocked")) return BlockAll(), 0;
  if (IsMode(mode, "own")) return UseOwnHandler(), 0;
  if (IsMode(mode, "ignored")) IgnoreIt();
  if (IsMode(mode, "owner")) AskForUrgentData();
  if (IsMode(mode, "old_owner")) AskForUrgentDataOfOld();
  if (IsMode(mode, "looks")) LookAtIt();
  if (IsMode(mode, "exec")) LeaveByExec();
  usleep(100'000);
  Say("ready");
  WaitForTest();
  _exit(0);
}
