// Threads that are named, joined, detached and left behind.

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <threads.h>
#include <time.h>

#include <atomic>

#include "tests/preload/programs/stage.h"

namespace {

void Name(const char* name) { prctl(PR_SET_NAME, name); }

void* SleepOn(void*) { return pause(), nullptr; }

SITE pthread_t Start(void* (*routine)(void*), const pthread_attr_t* attributes = nullptr) {
  pthread_t thread;
  Require(pthread_create(&thread, attributes, routine, nullptr) == 0, "a thread starts");
  return thread;
}

// --- Named ---

void StartNamed() {
  pthread_setname_np(Start(SleepOn), "by another");
  Start([](void*) -> void* { return Name("by itself"), SleepOn(nullptr); });
  Start([](void*) -> void* {
    Name("parent");
    Start(SleepOn);
    return SleepOn(nullptr);
  });
}

// A vfork child runs in its parent thread's storage.
void RenameChild() {
  pthread_join(Start([](void*) -> void* { return nullptr; }), nullptr);
  pid_t child = vfork();
  if (child == 0) {
    Name("child");
    _exit(0);
  }
}

// --- Ended ---

void* End(void*) { return Name("ended"), nullptr; }
void* EndJoined(void*) { return Name("joined"), nullptr; }
void* EndJoinedLate(void*) { return Name("joined late"), nullptr; }
void* EndDetachedLate(void*) { return Name("detached late"), nullptr; }

void EndSome() {
  Start(End);
  pthread_t late = Start(EndJoinedLate);
  pthread_t detached = Start(EndDetachedLate);
  usleep(100'000);
  pthread_join(Start(EndJoined), nullptr);
  pthread_join(late, nullptr);
  pthread_detach(detached);
}

// --- Ended in greater numbers than are kept, and joined after others had their places ---

constexpr int kManyThreads = 1100;
constexpr int kLaterThreads = 60;
std::atomic<bool> g_may_end = false;

void* EndWhenTold(void*) {
  Name("later");
  while (!g_may_end) usleep(10'000);
  return nullptr;
}

pthread_t StartSmall(void* (*routine)(void*)) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 << 10);
  return Start(routine, &attributes);
}

void JoinLate() {
  static pthread_t ended[kManyThreads];
  for (pthread_t& thread : ended) thread = StartSmall(End);
  usleep(300'000);
  for (int i = 0; i < kLaterThreads; ++i) StartSmall(EndWhenTold);
  usleep(100'000);
  for (pthread_t thread : ended) pthread_join(thread, nullptr);
  g_may_end = true;
  usleep(200'000);
}

// --- Joins that fail, and one that does not ---

pthread_key_t g_ends_slowly;
pthread_t g_joined;

void* JoinItself(void*) {
  Name("by itself");
  Require(pthread_join(pthread_self(), nullptr) == EDEADLK, "nobody joins itself");
  return nullptr;
}

void* EndSoon(void*) { return usleep(300'000), nullptr; }

void* EndSlowly(void*) {
  Name("timed out");
  pthread_setspecific(g_ends_slowly, &g_ends_slowly);
  return nullptr;
}

void* JoinOther(void*) { return pthread_join(g_joined, nullptr), nullptr; }

void GiveJoinUp() {
  g_joined = Start(EndSoon);
  pthread_setname_np(g_joined, "given up");
  pthread_t joiner = Start(JoinOther);
  usleep(100'000);
  pthread_cancel(joiner);
  pthread_join(joiner, nullptr);
}

// By a second thread, while another waits for it.
void TryToJoin() {
  g_joined = Start(EndSoon);
  pthread_setname_np(g_joined, "tried");
  pthread_t joiner = Start(JoinOther);
  usleep(100'000);
  Require(pthread_tryjoin_np(g_joined, nullptr) == EBUSY, "it still runs");
  pthread_join(joiner, nullptr);
}

// It has left its routine, and nobody joins it when its destructors are done.
void JoinTooShort() {
  pthread_key_create(&g_ends_slowly, [](void*) { usleep(300'000); });
  pthread_t thread = Start(EndSlowly);
  timespec end;
  clock_gettime(CLOCK_REALTIME, &end);
  end.tv_nsec += 100'000'000;
  end.tv_sec += end.tv_nsec / 1'000'000'000;
  end.tv_nsec %= 1'000'000'000;
  Require(pthread_timedjoin_np(thread, nullptr, &end) == ETIMEDOUT, "its destructors take longer");
}

void FailToJoin() {
  Start(JoinItself);
  JoinTooShort();
  GiveJoinUp();
  usleep(300'000);
  TryToJoin();  // last: its place is free
}

// Before it has started, most times.
void JoinAtOnce() {
  for (int i = 0; i < 300; ++i) pthread_join(Start(End), nullptr);
}

// --- A handler that comes before the thread's own part, and waits ---

void WriteNothing(int) { Require(write(STDERR_FILENO, "", 0) == 0, "nothing is written"); }

void StartInterrupted() {
  signal(SIGUSR1, WriteNothing);
  sigset_t none, one;
  sigemptyset(&none);
  sigemptyset(&one);
  sigaddset(&one, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &one, nullptr);
  kill(getpid(), SIGUSR1);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setsigmask_np(&attributes, &none);
  Start([](void*) -> void* { return Name("interrupted"), SleepOn(nullptr); }, &attributes);
}

// --- Made by libc, where no hook sees them start or end ---

// One claim of a record looks at 16 others, some of them twice: so at all of these.
constexpr int kTimers = 7;

void WaitUnseen(sigval) {
  Name("unseen");
  usleep(100'000);
}

[[gnu::noinline]] timer_t MakeTimer() {
  sigevent event = {};
  event.sigev_notify = SIGEV_THREAD;
  event.sigev_notify_function = WaitUnseen;
  timer_t timer;
  Require(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0, "a timer");
  return timer;
}

void MakeTimers() {
  for (int i = 0; i < kTimers; ++i) MakeTimer();
}

void StartUnseen() {
  pthread_join(Start(End), nullptr);
  for (int i = 0; i < kTimers; ++i) {
    const itimerspec soon = {.it_interval = {}, .it_value = {.tv_sec = 0, .tv_nsec = 1'000'000}};
    timer_settime(MakeTimer(), 0, &soon, nullptr);
  }
  usleep(400'000);
  Start(SleepOn);
}

// --- Detached ---

void DetachSome() {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  Start([](void*) -> void* { return Name("made detached"), SleepOn(nullptr); }, &attributes);
  pthread_detach(Start([](void*) -> void* { return Name("detached"), SleepOn(nullptr); }));
  thrd_t thread;
  thrd_create(
      &thread, [](void*) -> int { return Name("of C11"), pause(); }, nullptr);
  thrd_detach(thread);
}

// --- The main thread's end, before the process's ---

// Also in the destructors of the thread that ends: then what it does last is a wait.
pthread_key_t g_waits_last;
void WaitLast(void*) { usleep(1000); }

void* OutliveMain(void*) {
  pthread_setname_np(pthread_self(), "outlives");
  usleep(200'000);
  Say("ready");
  WaitForTest();
  _exit(0);
}

void* CancelMain(void* main) {
  usleep(100'000);
  pthread_cancel(*static_cast<pthread_t*>(main));
  return OutliveMain(nullptr);
}

void* JoinMain(void* main) {
  pthread_join(*static_cast<pthread_t*>(main), nullptr);
  return OutliveMain(nullptr);
}

// `outliving` is given the main thread.
void EndMain(void* (*outliving)(void*), bool is_cancelled) {
  static pthread_t main_thread = pthread_self();
  pthread_key_create(&g_waits_last, WaitLast);
  pthread_setspecific(g_waits_last, &g_waits_last);
  pthread_t thread;
  pthread_create(&thread, nullptr, outliving, &main_thread);
  if (is_cancelled) pause();
  pthread_exit(nullptr);
}

}  // namespace

int main(int count, char** arguments) {
  StartWatchdog();
  Require(count == 2, "an argument");
  if (IsMode(arguments[1], "names")) StartNamed();
  if (IsMode(arguments[1], "child_name")) RenameChild();
  if (IsMode(arguments[1], "ends")) EndSome();
  if (IsMode(arguments[1], "joined_late")) JoinLate();
  if (IsMode(arguments[1], "failed_joins")) FailToJoin();
  if (IsMode(arguments[1], "joined_at_once")) JoinAtOnce();
  if (IsMode(arguments[1], "interrupted")) StartInterrupted();
  if (IsMode(arguments[1], "unseen")) StartUnseen();
  if (IsMode(arguments[1], "timers")) MakeTimers();
  if (IsMode(arguments[1], "detached")) DetachSome();
  if (IsMode(arguments[1], "main_exits")) EndMain(OutliveMain, /*is_cancelled=*/false);
  if (IsMode(arguments[1], "main_cancelled")) EndMain(CancelMain, /*is_cancelled=*/true);
  if (IsMode(arguments[1], "main_joined")) EndMain(JoinMain, /*is_cancelled=*/false);
  usleep(200'000);
  Say("ready");
  WaitForTest();
  _exit(0);
}
