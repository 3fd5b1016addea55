#include "tools/threads/living_threads.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "runtime/layout/thread_slot.h"
#include "tools/reader/clock.h"
#include "tools/reader/small_file.h"
#include "tools/threads/cpu_shares.h"
#include "tools/threads/remote_memory.h"
#include "tools/threads/remote_modules.h"
#include "tools/threads/remote_unwinder.h"
#include "tools/threads/task_list.h"
#include "tools/threads/wait_details.h"
#include "tools/threads/wait_fingerprint.h"

namespace limpet {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
// A thread that runs may have been parked when its slot was read, if that was not long before.
constexpr std::uint64_t kJustParkedNs = 50'000'000;
constexpr std::size_t kMaxMapsBytes = std::size_t{64} << 20;

// CLOCK_MONOTONIC of a start time in ticks of the clock that goes on while the machine sleeps.
std::uint64_t StartedNs(const TaskFacts& task) {
  static const std::uint64_t asleep_ns = AsleepNs();
  static const auto ticks = static_cast<std::uint64_t>(std::max(sysconf(_SC_CLK_TCK), 1L));
  const std::uint64_t since_boot =
      task.stat.start_ticks / ticks * kSecondNs + task.stat.start_ticks % ticks * kSecondNs / ticks;
  return since_boot - std::min(since_boot, asleep_ns);
}

// The id went to another thread since the slot was taken. Clocks are coarse.
bool IsAnother(const ThreadRecord& thread, const TaskFacts& task) {
  constexpr std::uint64_t kSlackNs = 100'000'000;
  return thread.started_ns != 0 && StartedNs(task) > thread.started_ns + kSlackNs;
}

void ForgetWait(ThreadRecord& thread) {
  thread.state = ThreadState::kRunning;
  thread.reason = WaitReason::kNone;
  thread.object = 0;
  thread.since_ns = 0;
  thread.timeout_ns = kNoTimeout;
  thread.descriptor = -1;
  thread.owner_thread_id = 0;
  thread.stack = 0;
}

bool IsThread(std::uint32_t thread_id, const std::string& proc) {
  return ReadSmallFile(absl::StrFormat("%s/%d/stat", proc, thread_id)).ok();
}

// Another object may have been loaded at the place of one that was unloaded.
bool IsSame(const ModuleRecord& known, const ModuleRecord& record) {
  const bool has_ids = !known.build_id.empty() && !record.build_id.empty();
  return known.load_bias == record.load_bias && known.start <= record.start &&
         record.start < known.end &&
         (has_ids ? known.build_id == record.build_id : known.path == record.path);
}

class Completing {
 public:
  Completing(const ProcessFacts& process, SegmentSnapshot& snapshot, const AskedThreads& asked,
             const std::string& proc)
      : process_(process),
        snapshot_(snapshot),
        asked_(asked),
        proc_(proc),
        memory_(LivingThreadOf(process.pid, proc)),
        modules_(ReadMaps(), memory_),
        unwinder_(memory_, modules_),
        details_(LivingThreadOf(process.pid, proc), proc, memory_) {}

  void Run() {
    for (TaskFacts& task : ListTasks(process_, proc_)) {
      thread_ids_.insert(task.own_thread_id);
      if (task.IsRunning()) cpu_.LookFirst(task.own_thread_id, FilesOf(task));
      tasks_.emplace(task.own_thread_id, std::move(task));
    }
    if (tasks_.empty()) return;
    CheckAll();
    for (ThreadRecord& thread : snapshot_.threads) {
      if (thread.state == ThreadState::kParked) details_.NameDescriptor(thread);
      SeekOwner(thread);
    }
    MeasureCpu();
  }

 private:
  void CheckAll() {
    std::set<std::uint32_t> known;
    for (ThreadRecord& thread : snapshot_.threads) {
      if (thread.state == ThreadState::kExited) continue;
      const bool is_first = !known.contains(thread.thread_id);
      if (is_first && Check(thread))
        known.insert(thread.thread_id);
      else
        Forget(thread);
    }
    for (const auto& [thread_id, task] : tasks_) {
      if (!known.contains(thread_id)) AddUnseen(task);
    }
  }

  void MeasureCpu() {
    cpu_.Wait();
    for (ThreadRecord& thread : snapshot_.threads) {
      if (thread.state != ThreadState::kRunning) continue;
      thread.cpu_percent = cpu_.PercentOf(thread.thread_id);
    }
  }

  std::string ReadMaps() const {
    return ReadSmallFile(absl::StrFormat("%s/%d/maps", proc_, LivingThreadOf(process_.pid, proc_)),
                         {.max_bytes = kMaxMapsBytes})
        .value_or("");
  }

  // False: the slot's thread is gone.
  bool Check(ThreadRecord& thread) {
    const auto task = tasks_.find(thread.thread_id);
    if (task == tasks_.end() || IsAnother(thread, task->second)) return false;
    thread.kernel_state = task->second.stat.state;
    thread.name = task->second.stat.name;
    if (thread.state == ThreadState::kParked) CheckPark(task->second, thread);
    if (thread.state != ThreadState::kRunning) return true;
    if (!task->second.IsRunning()) return LookAt(task->second, thread);
    TakeAnswer(thread);
    return true;
  }

  static void Forget(ThreadRecord& thread) {
    thread.state = ThreadState::kExited;
    thread.life |= kThreadJoined;  // nobody knows, so it is not complained of
  }

  void TakeAnswer(ThreadRecord& thread) const {
    const auto asked = asked_.find(thread.thread_id);
    const bool is_answered = asked != asked_.end() && asked->second != thread.running_answer;
    if (is_answered) thread.stack = thread.RunningStack();
  }

  void CheckPark(const TaskFacts& task, ThreadRecord& thread) {
    const std::optional<TaskSyscall> call =
        task.IsRunning() ? TaskSyscall{.is_running = true} : FilesOf(task).Syscall();
    if (!call.has_value()) return;
    if (call->is_running && now_ns_ - std::min(now_ns_, thread.since_ns) < kJustParkedNs) return;
    if (call->is_running || !MayBeIn(*call, thread)) return ForgetWait(thread);
    if (IsLock(thread.reason)) memory_.Forget();  // who holds it was read at another moment
    RefreshOwner(memory_, thread);
    // It took the lock meanwhile: the owner that was read may be itself.
    if (IsLock(thread.reason) && FilesOf(task).Syscall() != call) return ForgetWait(thread);
    details_.Add(*call, thread);
  }

  void AddUnseen(const TaskFacts& task) {
    ThreadRecord thread{.thread_id = task.own_thread_id,
                        .state = ThreadState::kRunning,
                        .started_ns = StartedNs(task),
                        .name = task.stat.name,
                        .kernel_state = task.stat.state};
    const bool is_there = task.IsRunning() || LookAt(task, thread);
    if (is_there) snapshot_.threads.push_back(std::move(thread));
  }

  TaskFiles FilesOf(const TaskFacts& task) const {
    return TaskFiles(process_.pid, task.thread_id, proc_);
  }

  // A thread that is blocked where no hook is. False: it has ended.
  bool LookAt(const TaskFacts& task, ThreadRecord& thread) {
    const TaskFiles files = FilesOf(task);
    const std::optional<TaskSyscall> call = files.Syscall();
    if (!call.has_value() && !ReadTask(process_, task.thread_id, proc_)) return false;
    if (call.has_value() && call->is_running) return true;
    Describe(files, call, thread);
    details_.AddTimers(task.thread_id, thread);
    return true;
  }

  void Describe(const TaskFiles& files, const std::optional<TaskSyscall>& call,
                ThreadRecord& thread) {
    memory_.Forget();  // what was read before is of another moment
    thread.state = ThreadState::kParked;
    thread.is_seen_from_outside = true;
    thread.wait_channel = files.WaitChannel();
    if (!call.has_value()) return DescribeChannel(thread.wait_channel, thread);
    DescribeCall(*call, thread_ids_, memory_, thread);
    details_.Add(*call, thread);
    StackRecord stack = unwinder_.Walk(call->stack_pointer, call->instruction);
    // It went on meanwhile: what was read is of two moments.
    if (files.Syscall() != call) return;
    if (!stack.frames.empty()) thread.stack = AddStack(std::move(stack));
  }

  // Ids of the segment's own stacks are small.
  std::uint32_t AddStack(StackRecord stack) {
    for (FrameRecord& frame : stack.frames) frame.module = ModuleOf(frame);
    while (snapshot_.stacks.contains(next_stack_)) --next_stack_;
    snapshot_.stacks.emplace(next_stack_, std::move(stack));
    return next_stack_;
  }

  // Of the segment, or one that it does not know.
  std::uint32_t ModuleOf(const FrameRecord& frame) {
    const std::uint64_t address = frame.address - (frame.is_exact ? 0 : 1);
    const RemoteModule* const remote = modules_.Find(address);
    if (remote == nullptr) return 0;
    const auto [place, is_new] = module_ids_.try_emplace(remote);
    if (is_new) place->second = IdOf(remote->record);
    return place->second;
  }

  std::uint32_t IdOf(const ModuleRecord& record) {
    std::vector<ModuleRecord>& modules = snapshot_.modules;
    for (std::size_t id = modules.size(); id-- > 0;) {  // the newest that was loaded there
      if (IsSame(modules[id], record)) return static_cast<std::uint32_t>(id);
    }
    modules.push_back(record);
    return static_cast<std::uint32_t>(modules.size() - 1);
  }

  // Only where the process's ids are ours as well.
  void SeekOwner(ThreadRecord& thread) {
    const std::uint32_t owner = thread.owner_thread_id;
    if (owner == 0 || thread_ids_.contains(owner) || process_.namespace_pid != process_.pid) return;
    thread.is_owner_elsewhere = IsThread(owner, proc_) && MayBeShared(memory_, thread);
  }

  const ProcessFacts& process_;
  SegmentSnapshot& snapshot_;
  const AskedThreads& asked_;
  const std::string proc_;
  const std::uint64_t now_ns_ = MonotonicNs();
  RemoteMemory memory_;
  RemoteModules modules_;
  RemoteUnwinder unwinder_;
  WaitDetails details_;
  CpuShares cpu_;
  std::map<std::uint32_t, TaskFacts> tasks_;  // by the process's own ids
  std::set<std::uint32_t> thread_ids_;
  std::map<const RemoteModule*, std::uint32_t> module_ids_;
  std::uint32_t next_stack_ = UINT32_MAX;
};

}  // namespace

bool CompleteThreads(const ProcessFacts& process, SegmentSnapshot& snapshot,
                     const AskedThreads& asked, const std::string& proc) {
  std::vector<ThreadRecord> slots = snapshot.threads;
  Completing(process, snapshot, asked, proc).Run();
  if (!IsEnding(process.pid, proc)) return true;
  snapshot.threads = std::move(slots);
  return false;
}

}  // namespace limpet
