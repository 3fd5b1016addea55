// Forks while another thread holds a lock, which nobody unlocks in the child: it says "child PID",
// and comes for the lock in a thread of its own. (A child of one thread has no segment: it is seen
// from outside, where a word that is no id of its threads is not taken for an owner.)

#include <pthread.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "tests/preload/programs/ready.h"

namespace {

pthread_mutex_t g_lock = PTHREAD_MUTEX_INITIALIZER;
int g_is_held[2];

void* HoldForEver(void*) {
  pthread_mutex_lock(&g_lock);
  if (write(g_is_held[1], "", 1) != 1) _exit(98);
  for (;;) pause();
}

[[gnu::noinline]] void* ComeForLock(void*) {
  pthread_mutex_lock(&g_lock);
  return nullptr;
}

[[noreturn]] void BeChild() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  printf("child %d\n", getpid());
  fflush(stdout);
  pthread_t thread;
  pthread_create(&thread, nullptr, ComeForLock, nullptr);
  pthread_join(thread, nullptr);
  _exit(97);
}

}  // namespace

int main() {
  char byte = 0;
  pthread_t holder;
  if (pipe(g_is_held) != 0) return 96;
  pthread_create(&holder, nullptr, HoldForEver, nullptr);
  if (read(g_is_held[0], &byte, 1) != 1) return 95;
  const pid_t child = fork();
  if (child == 0) BeChild();
  Ready();
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  _exit(0);
}
