// Waits to be killed: two threads allocate, one loads and unloads a plug-in and allocates through
// it, one forks children that allocate in two threads and exit. Logs all that goes through workers.
//
//   victim SEED MILLISECONDS PLUGIN
//
// Ends by itself after that time.

#include <dlfcn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/soak/log_mapping.h"
#include "tests/soak/logged_worker.h"

namespace {

using limpet::ProcessLog;
using limpet::ProcessStage;
using limpet::Run;
using limpet::Worker;

constexpr std::uint32_t kPlainOwners = 2;
constexpr std::uint32_t kLoadingOwner = 2;
constexpr std::uint32_t kForkingOwner = 3;
constexpr std::uint32_t kChildOwner = 4;
constexpr std::uint32_t kChildThreadOwner = 5;
constexpr int kMaxChildren = 3;

limpet::CallLog* g_log = nullptr;
std::atomic<bool> g_is_over = false;
std::uint64_t g_seed = 0;
const char* g_plugin_path = nullptr;

// --- In a child ---

thread_local std::uint64_t t_bursts_left = 0;

bool HasBurstsLeft(Worker&) { return t_bursts_left-- != 0; }

void RunBursts(ProcessLog* log, std::uint32_t owner, std::uint64_t bursts) {
  Worker worker(log, owner, g_seed);
  t_bursts_left = bursts;
  Run(worker, HasBurstsLeft);
}

[[noreturn]] void BeChild(ProcessLog* log, std::uint64_t random) {
  log->pid.store(static_cast<std::uint32_t>(getpid()));
  log->stage.store(ProcessStage::kRunning);
  g_seed ^= random;
  for (auto& place : limpet::g_exchange) free(place.exchange(nullptr));  // inherited: not counted
  RunBursts(log, kChildOwner, 1 + random % 16);
  std::thread(RunBursts, log, kChildThreadOwner, random >> 8 & 63).join();
  log->stage.store(ProcessStage::kEnding);
  exit(0);
}

// --- In the victim ---

class Children {
 public:
  void Fork(std::uint64_t random) {
    Reap();
    if (count_ == kMaxChildren) return;
    next_ = next_ % (limpet::kMaxProcesses - 1) + 1;
    ProcessLog* log = &g_log->processes[next_];
    __builtin_memset(static_cast<void*>(log), 0, sizeof(*log));
    pid_t pid = fork();
    if (pid == 0) BeChild(log, random);
    if (pid > 0) ++count_;
  }

  void Reap() {
    while (count_ != 0 && waitpid(-1, nullptr, WNOHANG) > 0) --count_;
  }

 private:
  int count_ = 0;
  std::uint32_t next_ = 0;
};

bool ForksNowAndThen(Worker& worker) {
  static Children children;
  if (worker.Random() % 16 == 0) children.Fork(worker.Random());
  return !g_is_over.load();
}

bool ReloadsNowAndThen(Worker& worker) {
  static void* library = nullptr;
  if (worker.Random() % 4 == 0 && library != nullptr) {
    worker.SetPlugin(nullptr);
    dlclose(std::exchange(library, nullptr));
  } else if (library == nullptr) {
    library = dlopen(g_plugin_path, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) abort();
    worker.SetPlugin(reinterpret_cast<limpet::PluginAllocate>(dlsym(library, "AllocateInPlugin")));
  }
  return !g_is_over.load();
}

bool IsNotOver(Worker&) { return !g_is_over.load(); }

void Work(std::uint32_t owner) {
  Worker worker(&g_log->processes[0], owner, g_seed);
  switch (owner) {
    case kLoadingOwner:
      return Run(worker, ReloadsNowAndThen);
    case kForkingOwner:
      return Run(worker, ForksNowAndThen);
    default:
      return Run(worker, IsNotOver);
  }
}

}  // namespace

int main(int count, char** arguments) {
  g_log = limpet::MapCallLog(getenv(limpet::kCallLogVariable));
  if (count != 4 || g_log == nullptr) return 2;
  g_seed = strtoull(arguments[1], nullptr, 10);
  g_plugin_path = arguments[3];
  ProcessLog* log = &g_log->processes[0];
  log->pid.store(static_cast<std::uint32_t>(getpid()));
  log->stage.store(ProcessStage::kRunning);
  std::thread threads[] = {std::thread(Work, 0), std::thread(Work, kPlainOwners - 1),
                           std::thread(Work, kLoadingOwner), std::thread(Work, kForkingOwner)};
  usleep(static_cast<useconds_t>(atoi(arguments[2])) * 1000);
  g_is_over = true;
  for (std::thread& thread : threads) thread.join();
  log->stage.store(ProcessStage::kEnding);
  return 0;
}
