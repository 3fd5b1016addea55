// Forks from eight of 32 threads that all allocate. Children free and resize what they inherited,
// allocate in threads of their own, stand still to be judged, and end in every way.
//
//   forker SEED FORKS DESCRIPTOR       reports go to the descriptor

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <memory>
#include <thread>
#include <vector>

#include "tests/soak/fork_report.h"
#include "tests/soak/log_mapping.h"
#include "tests/soak/logged_worker.h"

namespace {

using limpet::Block;
using limpet::Ending;
using limpet::ForkReport;
using limpet::ProcessLog;
using limpet::ReportKind;
using limpet::Worker;

constexpr std::uint32_t kThreads = 32;
constexpr std::uint32_t kForkingThreads = 8;
constexpr std::uint32_t kChildThreads = 2;
constexpr std::uint32_t kBusyOwner = kThreads + kChildThreads;

limpet::CallLog* g_log = nullptr;
std::atomic<std::int64_t> g_forks_left = 0;
std::atomic<bool> g_is_over = false;
std::uint64_t g_seed = 0;
int g_reports = -1;

void Report(const ForkReport& report) {
  if (write(g_reports, &report, sizeof(report)) != sizeof(report)) abort();
}

// --- In a child ---

Block* g_inherited[std::size(limpet::g_exchange)];

struct ChildThread {
  ProcessLog* log;
  std::uint32_t owner;
  std::uint64_t seed;
  std::uint64_t bursts;
  pthread_t thread;
};
thread_local std::uint64_t t_bursts_left = 0;

// A third of what was inherited is each thread's to free, between its own calls.
bool FreesInherited(Worker& worker) {
  std::uint64_t place = worker.Random() % std::size(g_inherited);
  if (place % 3 == worker.owner() - kThreads) free(std::exchange(g_inherited[place], nullptr));
  return t_bursts_left-- != 0;
}

void* RunChildThread(void* argument) {
  const auto* child = static_cast<ChildThread*>(argument);
  auto worker = std::make_unique<Worker>(child->log, child->owner, child->seed);
  t_bursts_left = child->bursts;
  limpet::Run(*worker, FreesInherited);
  return nullptr;
}

// Not std::thread, which allocates: that may be left to the threads, who then meet at it.
void StartChildThread(ChildThread* child) {
  if (pthread_create(&child->thread, nullptr, RunChildThread, child) != 0) abort();
}

void TakeInherited() {
  for (std::size_t i = 0; i < std::size(g_inherited); ++i)
    g_inherited[i] = limpet::g_exchange[i].exchange(nullptr);
}

// The last third is the first thread's, which resizes them.
void ResizeInherited() {
  for (std::size_t i = 2; i < std::size(g_inherited); i += 3)
    g_inherited[i] = static_cast<Block*>(realloc(g_inherited[i], 16 + i));
}

void AllocateInThreads(ProcessLog* log, std::uint64_t random) {
  ChildThread threads[kChildThreads] = {};
  if (random % 2 == 0) ResizeInherited();
  for (std::uint32_t i = 0; i < kChildThreads; ++i) {
    threads[i] = {log, kThreads + i, random, 1 + (random >> 8 * i & 15), {}};
    StartChildThread(&threads[i]);
  }
  for (const ChildThread& child : threads) pthread_join(child.thread, nullptr);
  if (random % 2 != 0) ResizeInherited();
}

[[noreturn]] void End(Ending ending) {
  switch (ending) {
    case Ending::kExit:
      exit(0);
    case Ending::kUnderscoreExit:
      _exit(0);
    case Ending::kExec:
      execl("/bin/true", "true", nullptr);
      _exit(127);
    case Ending::kKill:
      raise(SIGKILL);
      abort();
    case Ending::kQuickExit:
      quick_exit(0);
  }
  abort();
}

// Those of the parent, too: nothing of theirs may be in a child's segment.
void TakeMarks(ProcessLog* log) {
  for (std::uint32_t i = 0; i < kThreads; ++i)
    log->threads[i].mark.store(g_log->processes[0].threads[i].mark.load());
}

[[noreturn]] void BeChild(std::uint32_t process, std::uint64_t random, Ending ending) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // or it waits for a judge that is gone
  ProcessLog* log = &g_log->processes[process];
  auto pid = static_cast<std::uint32_t>(getpid());
  log->pid.store(pid);
  TakeMarks(log);
  TakeInherited();
  AllocateInThreads(log, random);
  Report({ReportKind::kChild, pid, process, ending, 0});
  limpet::WaitForJudge(log);
  // Half of them end while a thread of theirs is busy.
  ChildThread busy = {log, kBusyOwner, random, ~std::uint64_t{0}, {}};
  if (random >> 63 != 0) StartChildThread(&busy);
  End(ending);
}

// --- In the forker ---

void CheckStatus(std::uint32_t process, pid_t pid, Ending ending) {
  int status = 0;
  pid_t waited = waitpid(pid, &status, 0);
  bool is_right =
      ending == Ending::kKill ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL : status == 0;
  if (waited == pid && is_right) return;
  Report({ReportKind::kWrong, static_cast<std::uint32_t>(pid), process, ending, status});
}

void Fork(Worker& worker) {
  std::uint32_t process = 1 + worker.owner();
  std::uint64_t random = worker.Random();
  auto ending = static_cast<Ending>(worker.Random() % limpet::kEndings);
  __builtin_memset(static_cast<void*>(&g_log->processes[process]), 0, sizeof(ProcessLog));
  pid_t pid = fork();
  if (pid == 0) BeChild(process, random, ending);
  if (pid < 0) abort();
  CheckStatus(process, pid, ending);
}

bool ForksUntilOver(Worker& worker) {
  if (g_forks_left.fetch_sub(1) > 0) Fork(worker);
  return !g_is_over.load();
}

// Rests, or 32 threads would leave nothing of two processors to the children.
bool RestsUntilOver(Worker& worker) {
  usleep(static_cast<useconds_t>(worker.Random() % 2000));
  return !g_is_over.load();
}

void Work(Worker* worker) {
  Run(*worker, worker->owner() < kForkingThreads ? ForksUntilOver : RestsUntilOver);
}

void RunThreads(std::vector<Worker>* workers) {
  std::vector<std::thread> threads;
  for (Worker& worker : *workers) threads.emplace_back(Work, &worker);
  while (g_forks_left.load() > -static_cast<std::int64_t>(kForkingThreads)) usleep(1000);
  g_is_over = true;
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

int main(int count, char** arguments) {
  g_log = limpet::MapCallLog(getenv(limpet::kCallLogVariable));
  if (count != 4 || g_log == nullptr) return 2;
  g_seed = strtoull(arguments[1], nullptr, 10);
  g_forks_left = atoll(arguments[2]);
  g_reports = atoi(arguments[3]);
  ProcessLog* log = &g_log->processes[0];
  std::vector<Worker> workers;
  for (std::uint32_t owner = 0; owner < kThreads; ++owner) workers.emplace_back(log, owner, g_seed);
  RunThreads(&workers);
  for (std::uint32_t owner = 0; owner < kThreads; owner += 2) workers[owner].FreeAll();
  Report({ReportKind::kEnd, static_cast<std::uint32_t>(getpid()), 0, Ending::kExit, 0});
  limpet::WaitForJudge(log);
  return 0;
}
