// Waits that end otherwise than by returning, and waits inside of waits.
//
//   left_waits HOW    one thread, "thread", leaves a wait like that and runs on for the test to see

#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include <atomic>

#include "tests/preload/programs/waiter.h"

namespace {

std::atomic<bool> g_is_left = false;
std::atomic<bool> g_is_over = false;
std::atomic<bool> g_is_in_handler = false;
pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;
sem_t g_semaphore;
int g_pipe[2];
char g_byte;

// In no call, until the test has looked.
SITE void Run(void*) {
  g_is_left = true;
  while (!g_is_over) asm volatile("pause");
}

SITE void WaitForBytes() { WAIT_IN(g_pipe[0], read(g_pipe[0], &g_byte, 1)); }
SITE void WaitInPoll() {
  pollfd polled = {.fd = g_pipe[0], .events = POLLIN, .revents = 0};
  WAIT_IN(&polled, poll(&polled, 1, -1));
}
SITE void WaitForSemaphore() { WAIT_IN(&g_semaphore, sem_wait(&g_semaphore)); }
SITE void WaitForMutex() { WAIT_IN(&g_mutex, pthread_mutex_lock(&g_mutex)); }
SITE void WaitForNothing() { WAIT_IN(nullptr, sleep(100)); }
SITE void WaitForCondition() {
  static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
  pthread_mutex_lock(&mutex);
  WAIT_IN(&condition, pthread_cond_wait(&condition, &mutex));
}

// --- Cancelled: the clean-up handler runs on ---

template <auto kWait>
void Cancelled() {
  pthread_cleanup_push(Run, nullptr);
  kWait();
  pthread_cleanup_pop(0);
}

template <auto kWait>
void CancelledAnywhere() {
  pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, nullptr);
  Cancelled<kWait>();
}

// --- Left by a signal handler ---

sigjmp_buf g_start;

void JumpOut(int) { siglongjmp(g_start, 1); }
void PlainJumpOut(int) { longjmp(g_start, 1); }
void ThrowOut(int) { throw 1; }
void ExitThread(int) { pthread_exit(nullptr); }

template <auto kWait>
void JumpedOutOf() {
  if (sigsetjmp(g_start, 1) == 0) kWait();
  Run(nullptr);
}

void ThrownOutOf() {
  try {
    WaitForBytes();
  } catch (int) {
  }
  Run(nullptr);
}

void Exited() { Cancelled<WaitForBytes>(); }

// --- A handler that waits itself ---

void WaitInHandler(int) {
  g_is_in_handler = true;
  WAIT_IN(nullptr, usleep(700'000));
  g_is_in_handler = false;
}

// Whose wait a jump leaves, while the one outside of it goes on.
void JumpInHandler(int) {
  if (sigsetjmp(g_start, 1) == 0) {
    signal(SIGUSR2, JumpOut);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR2);
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
    WaitForNothing();
  }
  Run(nullptr);
}

// Another handler's wait ends while the outer one's goes on.
void Restarted() {
  struct sigaction action = {};
  action.sa_handler = WaitInHandler;
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR2, &action, nullptr);
  WaitForBytes();
}

// --- A handler that forks ---

void Fork(int) {
  pid_t child = fork();
  if (child != 0) return;
  StartWatchdog();
}

void ForkedIn() {
  pid_t self = getpid();
  WaitInPoll();
  if (getpid() == self) return Run(nullptr);
  pthread_t thread;
  auto nothing = [](void*) -> void* { return nullptr; };
  pthread_create(&thread, nullptr, nothing, nullptr);
  pthread_join(thread, nullptr);
  Say("child %d", getpid());
  Run(nullptr);
}

struct Way {
  const char* name;
  void (*run)();
  void (*handler)(int);  // nullptr: the thread is cancelled
};
constexpr Way kWays[] = {
    {"cancel_read", Cancelled<WaitForBytes>, nullptr},
    {"cancel_poll", Cancelled<WaitInPoll>, nullptr},
    {"cancel_sem", Cancelled<WaitForSemaphore>, nullptr},
    {"cancel_cond", Cancelled<WaitForCondition>, nullptr},
    {"cancel_sleep", Cancelled<WaitForNothing>, nullptr},
    {"cancel_async", CancelledAnywhere<WaitForMutex>, nullptr},
    {"cancel_async_sleep", CancelledAnywhere<WaitForNothing>, nullptr},
    {"jump_read", JumpedOutOf<WaitForBytes>, JumpOut},
    {"jump_sem", JumpedOutOf<WaitForSemaphore>, PlainJumpOut},
    {"jump_cond", JumpedOutOf<WaitForCondition>, JumpOut},
    {"throw", ThrownOutOf, ThrowOut},
    {"exit", Exited, ExitThread},
    {"nested", WaitInPoll, WaitInHandler},
    {"restarted", Restarted, WaitInHandler},
    {"jump_nested", WaitInPoll, JumpInHandler},
    {"fork", ForkedIn, Fork},
};

const Way& WayOf(const char* name) {
  for (const Way& way : kWays) {
    if (IsMode(name, way.name)) return way;
  }
  Require(false, "a known way");
  return kWays[0];
}

void* RunWay(void* argument) {
  pthread_setname_np(pthread_self(), "thread");
  static_cast<const Way*>(argument)->run();
  return nullptr;
}

// Of those that leave their wait at once; the nested ones are looked at twice.
void Leave(const Way& way, pthread_t thread) {
  usleep(200'000);
  if (way.handler == nullptr)
    pthread_cancel(thread);
  else
    pthread_kill(thread, SIGUSR2);
}

}  // namespace

int main(int count, char** arguments) {
  StartWatchdog();
  Require(count == 2, "one argument");
  const Way& way = WayOf(arguments[1]);
  Require(pipe(g_pipe) == 0, "a pipe is made");
  sem_init(&g_semaphore, 0, 0);
  pthread_mutex_lock(&g_mutex);
  if (way.handler != nullptr) signal(SIGUSR2, way.handler);
  pthread_t thread;
  pthread_create(&thread, nullptr, RunWay, const_cast<Way*>(&way));
  Leave(way, thread);
  if (IsMode(way.name, "nested") || IsMode(way.name, "restarted")) {
    while (!g_is_in_handler) usleep(1000);
    usleep(100'000);
    Say("ready");
    while (g_is_in_handler) usleep(1000);
    usleep(100'000);
  } else {
    if (IsMode(way.name, "jump_nested")) Leave(way, thread);
    while (!g_is_left) usleep(1000);
  }
  Say("ready");
  WaitForTest();
  _exit(0);
}
