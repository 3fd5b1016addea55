#include "tools/threads/running_threads.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/layout/segment.h"
#include "runtime/layout/thread_slot.h"
#include "tools/reader/section_copy.h"
#include "tools/reader/segment_file.h"
#include "tools/threads/task_list.h"

namespace limpet {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kSignal = SIGURG;
constexpr auto kAskingTime = std::chrono::milliseconds(20);
constexpr auto kPatience = std::chrono::milliseconds(50);  // from the first question on
constexpr auto kPause = std::chrono::microseconds(200);

// The part of a slot that is looked at, from its start.
struct SlotFacts {
  ThreadState state = ThreadState::kFree;
  std::uint32_t thread_id = 0;
  std::uint64_t answer = 0;
};

class Asking {
 public:
  Asking(const ProcessFacts& process, SegmentFile file, const std::string& proc)
      : process_(process), file_(std::move(file)), proc_(proc) {}

  AskedThreads Run() {
    if (!ReadHeader(file_, header_).ok() || !IsOurs()) return {};
    slots_ = FindSection(header_, SectionKind::kThreads);
    if (slots_.entry_bytes < sizeof(ThreadSlot)) return {};
    AskAll(ListRunning());
    while (!IsAnswered() && Clock::now() < begun_ + kPatience) std::this_thread::sleep_for(kPause);
    return std::move(asked_);
  }

 private:
  // Of a process that is another's by its pid namespace the segment says nothing else.
  bool IsOurs() const {
    return header_.state.load() == SegmentState::kLive &&
           header_.stack_signal_state.load() == SignalState::kOurs;
  }

  std::optional<SlotFacts> SlotAt(std::uint64_t index) const {
    ThreadSlot slot{};
    const std::uint64_t offset = slots_.offset + index * slots_.entry_bytes;
    constexpr std::size_t kBytes = offsetof(ThreadSlot, work);
    if (!file_.ReadAt(offset, static_cast<void*>(&slot), kBytes).ok()) return std::nullopt;
    return SlotFacts{slot.state.load(), slot.thread_id.load(), slot.running_answer.load()};
  }

  // Slots that say so: of ten thousand threads that wait nothing else is read.
  std::map<std::uint32_t, std::uint64_t> ListRunning() const {
    std::map<std::uint32_t, std::uint64_t> running;
    const absl::StatusOr<SectionCopy> slots = SectionCopy::Read(file_, slots_);
    for (std::uint64_t index = 0; slots.ok() && index < slots->count(); ++index) {
      ThreadSlot slot{};
      slots->CopyEntry(index, slot);
      if (slot.state.load() == ThreadState::kRunning) running.emplace(slot.thread_id.load(), index);
    }
    return running;
  }

  void AskAll(const std::map<std::uint32_t, std::uint64_t>& running) {
    if (running.empty()) return;
    for (const TaskFacts& task : ListTasksOf(running)) {
      const auto slot = running.find(task.own_thread_id);
      if (slot == running.end() || !task.IsRunning()) continue;
      if (Clock::now() >= begun_ + kAskingTime) return;
      Ask(task, slot->second);
    }
  }

  // Where ids are the process's own, only of those that are meant.
  std::vector<TaskFacts> ListTasksOf(const std::map<std::uint32_t, std::uint64_t>& running) const {
    if (process_.namespace_pid != process_.pid) return ListTasks(process_, proc_);
    std::vector<TaskFacts> tasks;
    for (const auto& [thread_id, index] : running) {
      if (std::optional<TaskFacts> task = ReadTask(process_, thread_id, proc_)) {
        tasks.push_back(*std::move(task));
      }
    }
    return tasks;
  }

  // The slot comes last: of a thread that waits by now nothing is asked.
  void Ask(const TaskFacts& task, std::uint64_t index) {
    const TaskFiles files(process_.pid, task.thread_id, proc_);
    if (!files.MayAsk(kSignal)) return;
    const std::optional<SlotFacts> slot = SlotAt(index);
    const bool is_its = slot.has_value() && slot->state == ThreadState::kRunning &&
                        slot->thread_id == task.own_thread_id;
    if (!is_its || !Send(task.thread_id)) return;
    asked_.emplace(task.own_thread_id, slot->answer);
    awaited_.emplace(index, slot->answer);
  }

  bool Send(std::uint32_t thread_id) const {
    siginfo_t info{};
    info.si_signo = kSignal;
    info.si_code = SI_QUEUE;
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value.sival_ptr = reinterpret_cast<void*>(header_.stack_signal_cookie);
    return syscall(SYS_rt_tgsigqueueinfo, process_.pid, thread_id, kSignal, &info) == 0;
  }

  bool IsAnswered() {
    std::erase_if(awaited_, [this](const auto& awaited) {
      const std::optional<SlotFacts> slot = SlotAt(awaited.first);
      return !slot.has_value() || slot->answer != awaited.second;
    });
    return awaited_.empty();
  }

  const ProcessFacts& process_;
  const SegmentFile file_;
  const std::string proc_;
  const Clock::time_point begun_ = Clock::now();
  SegmentHeader header_{};
  SectionRange slots_;
  AskedThreads asked_;
  std::map<std::uint64_t, std::uint64_t> awaited_;  // by slot
};

}  // namespace

AskedThreads AskRunningThreads(const ProcessFacts& process, const std::string& segment_path,
                               const std::string& proc) {
  absl::StatusOr<SegmentFile> file = SegmentFile::Open(segment_path);
  if (!file.ok()) return {};
  return Asking(process, *std::move(file), proc).Run();
}

}  // namespace limpet
