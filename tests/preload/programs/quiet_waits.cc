// Calls that do not wait, or whose result tells whether somebody stood in between.

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <threads.h>
#include <time.h>

#include <cstdint>

#include "tests/preload/programs/stage.h"

namespace {

constexpr int kErrno = 77;

timespec In(long milliseconds) {
  timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  time.tv_nsec += milliseconds * 1'000'000;
  time.tv_sec += time.tv_nsec / 1'000'000'000;
  time.tv_nsec %= 1'000'000'000;
  return time;
}

void* Return(void* argument) { return argument; }

void RunThread() {
  pthread_t thread;
  pthread_create(&thread, nullptr, Return, nullptr);
  pthread_join(thread, nullptr);
}

// --- Alone: polls, reads and sleeps, and makes nothing for a reader ---

void RunAlone() {
  poll(nullptr, 0, 10);
  usleep(1000);
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&mutex);
}

// --- Uncontended ---

void RunUncontended() {
  RunThread();
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
  sem_t semaphore;
  mtx_t mtx;
  mtx_init(&mtx, mtx_timed);
  sem_init(&semaphore, 0, 1000);
  const timespec end = In(10'000);
  errno = kErrno;
  for (int i = 0; i < 1000; ++i) {
    Require(pthread_mutex_lock(&mutex) == 0 && pthread_mutex_unlock(&mutex) == 0, "a mutex");
    Require(pthread_mutex_timedlock(&mutex, &end) == 0, "a timed mutex");
    pthread_mutex_unlock(&mutex);
    Require(pthread_rwlock_rdlock(&lock) == 0 && pthread_rwlock_unlock(&lock) == 0, "a reader");
    Require(pthread_rwlock_wrlock(&lock) == 0 && pthread_rwlock_unlock(&lock) == 0, "a writer");
    Require(mtx_lock(&mtx) == thrd_success && mtx_unlock(&mtx) == thrd_success, "a mtx_t");
    Require(sem_wait(&semaphore) == 0, "a semaphore");
  }
  Require(errno == kErrno, "errno is kept");
}

// --- Results ---

void* Post(void* semaphore) {
  usleep(50'000);
  sem_post(static_cast<sem_t*>(semaphore));
  return nullptr;
}

void CheckSemaphores() {
  sem_t semaphore;
  sem_init(&semaphore, 0, 0);
  const timespec soon = In(20);
  errno = kErrno;
  Require(sem_timedwait(&semaphore, &soon) == -1 && errno == ETIMEDOUT, "a semaphore's timeout");
  pthread_t thread;
  pthread_create(&thread, nullptr, Post, &semaphore);
  errno = kErrno;
  Require(sem_wait(&semaphore) == 0 && errno == kErrno, "errno is kept by a wait");
  pthread_join(thread, nullptr);
  const timespec bad = {.tv_sec = 0, .tv_nsec = 1'000'000'000};
  sem_post(&semaphore);
  Require(sem_timedwait(&semaphore, &bad) == -1 && errno == EINVAL, "a bad time is refused");
}

void CheckMutexes() {
  pthread_mutexattr_t kind;
  pthread_mutexattr_init(&kind);
  pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK);
  pthread_mutex_t mutex;
  pthread_mutex_init(&mutex, &kind);
  Require(pthread_mutex_lock(&mutex) == 0 && pthread_mutex_lock(&mutex) == EDEADLK, "EDEADLK");
  pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_NORMAL);
  pthread_mutex_init(&mutex, &kind);
  pthread_mutex_lock(&mutex);
  const timespec soon = In(20);
  Require(pthread_mutex_timedlock(&mutex, &soon) == ETIMEDOUT, "a mutex's timeout");
  pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&mutex, &kind);
  auto lock = [](void* of) -> void* {
    return pthread_mutex_lock(static_cast<pthread_mutex_t*>(of)), nullptr;
  };
  pthread_t thread;
  pthread_create(&thread, nullptr, lock, &mutex);
  pthread_join(thread, nullptr);
  Require(pthread_mutex_lock(&mutex) == EOWNERDEAD, "a robust mutex of a dead thread");
  pthread_mutexattr_setprotocol(&kind, PTHREAD_PRIO_INHERIT);
  pthread_mutex_init(&mutex, &kind);
  pthread_create(&thread, nullptr, lock, &mutex);
  pthread_join(thread, nullptr);
  const timespec early = {.tv_sec = -1, .tv_nsec = 5};
  Require(pthread_mutex_timedlock(&mutex, &early) == EINVAL, "a time that the kernel refuses");
}

void CheckReadWriteLocks() {
  pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
  const timespec bad = {.tv_sec = 0, .tv_nsec = -1};
  Require(pthread_rwlock_timedrdlock(&lock, &bad) == EINVAL, "a bad time though it is free");
  Require(pthread_rwlock_clockwrlock(&lock, CLOCK_PROCESS_CPUTIME_ID, &bad) == EINVAL, "a clock");
  pthread_rwlock_wrlock(&lock);
  Require(pthread_rwlock_wrlock(&lock) == EDEADLK, "a writer's EDEADLK");
  const timespec soon = In(20);
  Require(pthread_rwlock_timedrdlock(&lock, &soon) == EDEADLK, "a reader's EDEADLK");
}

void CheckThreads() {
  pthread_t thread;
  void* result = nullptr;
  pthread_create(&thread, nullptr, Return, &result);
  Require(pthread_join(thread, &result) == 0 && result == &result, "a thread's result");
  Require(pthread_join(pthread_self(), nullptr) == EDEADLK, "a join of oneself");
  thrd_t other;
  int number = 0;
  auto give = [](void*) -> int { return 4711; };
  Require(thrd_create(&other, give, nullptr) == thrd_success, "a C11 thread");
  Require(thrd_join(other, &number) == thrd_success && number == 4711, "its result");
  const timespec soon = In(20);
  auto sleeping = [](void*) -> void* { return usleep(200'000), nullptr; };
  pthread_create(&thread, nullptr, sleeping, nullptr);
  Require(pthread_tryjoin_np(thread, nullptr) == EBUSY, "a thread that runs");
  Require(pthread_timedjoin_np(thread, nullptr, &soon) == ETIMEDOUT, "a join's timeout");
  Require(pthread_join(thread, nullptr) == 0, "a join after that");
}

void CheckKernelCalls() {
  char byte;
  errno = 0;
  Require(read(-1, &byte, 1) == -1 && errno == EBADF, "read's errno");
  Require(open("/no/such/file", O_RDONLY) == -1 && errno == ENOENT, "open's errno");
  errno = kErrno;
  Require(poll(nullptr, 0, 10) == 0 && errno == kErrno, "poll's timeout");
  int word = 1;
  long result = syscall(SYS_futex, &word, FUTEX_WAIT, 2, nullptr);
  Require(result == -1 && errno == EAGAIN, "a futex with another value");
  Require(syscall(SYS_futex, &word, FUTEX_WAKE, 1) == 0, "a futex to be woken");
  Require(syscall(SYS_getpid) == getpid(), "another system call");
  int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
  Require(fcntl(fd, F_GETFD) == FD_CLOEXEC && fcntl(fd, F_SETFD, 0) == 0, "fcntl");
  Require(pwrite(fd, "abc", 3, 1) == 3, "a write's result");
  timespec bad = {.tv_sec = -1, .tv_nsec = 0};
  Require(nanosleep(&bad, nullptr) == -1 && errno == EINVAL, "a sleep's errno");
  errno = kErrno;
  Require(clock_nanosleep(CLOCK_MONOTONIC, 0, &bad, nullptr) == EINVAL && errno == kErrno, "both");
  Require(system("exit 3") == 3 << 8, "a command's result");
}

void RunResults() {
  RunThread();
  CheckSemaphores();
  CheckMutexes();
  CheckReadWriteLocks();
  CheckThreads();
  CheckKernelCalls();
}

// --- Bad pointers, which libc or the kernel answers where it reads them ---

// Not one that the compiler could know.
template <class Type>
Type* Nowhere() {
  std::uintptr_t address = 8;
  asm volatile("" : "+r"(address));
  return reinterpret_cast<Type*>(address);
}

void CheckBadSleeps() {
  const auto* nowhere = Nowhere<const timespec>();
  Require(nanosleep(nowhere, nullptr) == -1 && errno == EFAULT, "nanosleep's EFAULT");
  errno = kErrno;
  Require(clock_nanosleep(CLOCK_MONOTONIC, 0, nowhere, nullptr) == EFAULT, "a clock's EFAULT");
  Require(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, nowhere, nullptr) == EFAULT, "a moment's");
  Require(errno == kErrno && thrd_sleep(nowhere, nullptr) == -2, "thrd_sleep's answer");
}

void CheckBadFutexes() {
  int word = 1;
  const auto* nowhere = Nowhere<const timespec>();
  long result = syscall(SYS_futex, &word, FUTEX_WAIT, 1, nowhere);
  Require(result == -1 && errno == EFAULT, "a futex's EFAULT");
  errno = 0;
  result = syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 1, nowhere, nullptr, ~0);
  Require(result == -1 && errno == EFAULT, "one with a moment");
  errno = 0;
  result = syscall(SYS_futex, nowhere, FUTEX_LOCK_PI, 1, nullptr);
  Require(result == -1 && errno == EFAULT, "a lock nowhere");
}

void CheckBadMessages() {
  sembuf take = {.sem_num = 0, .sem_op = -1, .sem_flg = 0};
  const auto* nowhere = Nowhere<const timespec>();
  Require(semtimedop(0, &take, 1, nowhere) == -1 && errno == EFAULT, "semtimedop's EFAULT");
  errno = 0;
  char message[8];
  Require(mq_timedreceive(-1, message, sizeof(message), nullptr, nowhere) == -1, "no queue");
  Require(errno == EFAULT || errno == EBADF, "mq_timedreceive's EFAULT");
}

void CheckBadSignals() {
  sigset_t none;
  sigemptyset(&none);
  int signal;
  Require(sigtimedwait(&none, nullptr, Nowhere<const timespec>()) == -1 && errno == EFAULT,
          "sigtimedwait's EFAULT");
  Require(sigwait(Nowhere<const sigset_t>(), &signal) == EFAULT, "sigwait's EFAULT");
}

// Mutexes that are free, and joins that are none, never look at the time.
void CheckTimesThatAreNotRead() {
  const auto* nowhere = Nowhere<const timespec>();
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  Require(pthread_mutex_timedlock(&mutex, nowhere) == 0, "a free mutex");
  pthread_mutex_unlock(&mutex);
  Require(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, nowhere) == 0, "a free mutex");
  pthread_mutex_unlock(&mutex);
  Require(pthread_mutex_clocklock(&mutex, CLOCK_PROCESS_CPUTIME_ID, nowhere) == EINVAL, "a clock");
  mtx_t mtx;
  mtx_init(&mtx, mtx_timed);
  Require(mtx_timedlock(&mtx, nowhere) == thrd_success, "a free mtx_t");
  sem_t semaphore;
  sem_init(&semaphore, 0, 1);
  Require(sem_clockwait(&semaphore, CLOCK_PROCESS_CPUTIME_ID, nowhere) == -1, "a clock");
  Require(pthread_timedjoin_np(pthread_self(), nullptr, nowhere) == EDEADLK, "a join of oneself");
}

// Of nothing, which libc answers before it looks at the stream.
void CheckStreamsThatAreNotRead() {
  char byte = 0;
  FILE* volatile nowhere = nullptr;
  volatile std::size_t none = 0;
  Require(fwrite(&byte, 1, none, nowhere) == 0 && fread(&byte, none, 1, nowhere) == 0, "nothing");
}

void RunBadPointers() {
  RunThread();
  CheckBadSleeps();
  CheckBadFutexes();
  CheckBadMessages();
  CheckBadSignals();
  CheckTimesThatAreNotRead();
  CheckStreamsThatAreNotRead();
}

// --- Frames: the seventh word of syscall() is none of its own where it was given fewer ---

extern "C" {
// Wakes nobody, `rounds` times, with a word that others add to where a seventh one would lie; then
// has them stop. What the word is then.
long WakeBesideSharedWord(long* volatile* place, int rounds);
[[gnu::visibility("hidden"), gnu::used]] void StopAdding();
}
__asm__(
    ".text\n"
    ".type WakeBesideSharedWord, @function\n"
    "WakeBesideSharedWord:\n\t"
    "push %rbx\n\tpush %r12\n\tpush %r13\n\tsub $16, %rsp\n\t"
    "mov %esi, %r12d\n\t"
    "movq $0, (%rsp)\n\tmov %rsp, (%rdi)\n"
    "1:\tmov $202, %edi\n\tlea 8(%rsp), %rsi\n\tmov $1, %edx\n\tmov $1, %ecx\n\t"
    "call syscall@PLT\n\t"
    "dec %r12d\n\tjnz 1b\n\t"
    "call StopAdding\n\t"
    "mov (%rsp), %rax\n\t"
    "add $16, %rsp\n\tpop %r13\n\tpop %r12\n\tpop %rbx\n\tret\n"
    ".size WakeBesideSharedWord, .-WakeBesideSharedWord\n");
static_assert(SYS_futex == 202 && FUTEX_WAKE == 1);

long* volatile g_shared = nullptr;
volatile bool g_is_adding = true;
pthread_t g_adder;

void* Add(void*) {
  long added = 0;
  while (g_is_adding) {
    long* word = g_shared;
    if (word == nullptr) continue;
    __atomic_fetch_add(word, 1, __ATOMIC_RELAXED);
    ++added;
  }
  return reinterpret_cast<void*>(added);
}

void* g_added = nullptr;

void StopAdding() {
  g_is_adding = false;
  pthread_join(g_adder, &g_added);
}

void RunFrames() {
  pthread_create(&g_adder, nullptr, Add, nullptr);
  const long found = WakeBesideSharedWord(&g_shared, 200'000);
  Require(found > 0 && found == reinterpret_cast<long>(g_added), "each that was added is there");
}

// --- Many ---

pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t g_condition = PTHREAD_COND_INITIALIZER;
int g_waiting = 0;

SITE void* WaitWithAll(void*) {
  pthread_mutex_lock(&g_mutex);
  ++g_waiting;
  pthread_cond_wait(&g_condition, &g_mutex);
  pthread_mutex_unlock(&g_mutex);
  return nullptr;
}

void RunMany(int threads) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 << 10);
  for (int i = 0; i < threads; ++i) {
    pthread_t thread;
    Require(pthread_create(&thread, &attributes, WaitWithAll, nullptr) == 0, "a thread starts");
  }
  for (int waiting = 0; waiting != threads; usleep(1000)) {
    pthread_mutex_lock(&g_mutex);
    waiting = g_waiting;
    pthread_mutex_unlock(&g_mutex);
  }
}

}  // namespace

int main(int count, char** arguments) {
  StartWatchdog();
  Require(count >= 2, "an argument");
  if (IsMode(arguments[1], "alone")) RunAlone();
  if (IsMode(arguments[1], "uncontended")) RunUncontended();
  if (IsMode(arguments[1], "results")) RunResults();
  if (IsMode(arguments[1], "bad_pointers")) RunBadPointers();
  if (IsMode(arguments[1], "frames")) RunFrames();
  if (IsMode(arguments[1], "many")) RunMany(atoi(arguments[2]));
  Say("ready");
  WaitForTest();
  _exit(0);
}
