#include "tools/watch/watcher.h"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <list>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/layout/watch.h"
#include "tools/reader/clock.h"
#include "tools/reader/dead_segments.h"
#include "tools/reader/memory_limit.h"
#include "tools/reader/segment_marks.h"
#include "tools/watch/dump_queue.h"
#include "tools/watch/leave_plan.h"
#include "tools/watch/request_waiter.h"
#include "tools/watch/segment_scan.h"
#include "tools/watch/watch_seat.h"
#include "tools/watch/watched_process.h"

namespace limpet {
namespace {

constexpr std::uint64_t kNsPerMs = 1'000'000;
constexpr std::uint64_t kLookNs = kWatchBeatNs;
// Signals that come fast are answered by one look.
constexpr std::uint64_t kSignalPauseNs = 50 * kNsPerMs;
// Symbols of a large program take less than the most, of most programs less than the least (README,
// "What it costs").
constexpr std::uint64_t kMostSymbolBytes = std::uint64_t{192} << 20;
constexpr std::uint64_t kLeastSymbolBytes = std::uint64_t{48} << 20;

// Beside living processes, which must not die of what we take.
bool HasRoomForSymbols() {
  const std::optional<MemoryLimit> memory = ReadMemoryLimit("self");
  if (!memory.has_value()) return true;
  return memory->RoomBytes() >=
         std::clamp(memory->limit_bytes / 4, kLeastSymbolBytes, kMostSymbolBytes);
}

// SIGTERM asks us to leave; whatever else comes from a terminal or a shell is not meant for us.
int TakeSignals() {
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  for (int signal : {SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2}) {
    sigaddset(&ending, signal);
  }
  sigprocmask(SIG_BLOCK, &ending, nullptr);
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  return signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK);
}

// A descriptor for each process, and one for its segment.
void RaiseDescriptorLimit() {
  rlimit limit = {};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void Drain(int descriptor) {
  char buffer[4096];
  while (read(descriptor, buffer, sizeof(buffer)) > 0) {
  }
}

class Watcher {
 public:
  Watcher(const WatchOptions& options, WatchSeat seat)
      : options_(options),
        seat_(std::move(seat)),
        scan_(options.runtime_directory),
        signals_(TakeSignals()),
        main_process_(
            options.pid == 0 ? -1 : static_cast<int>(syscall(SYS_pidfd_open, options.pid, 0))) {}

  ~Watcher() {
    for (int descriptor : {signals_, main_process_}) {
      if (descriptor >= 0) close(descriptor);
    }
  }

  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  void Run() {
    RaiseDescriptorLimit();
    while (!MayLeave()) {
      if (scan_.IsDue(now_ns_)) Scan();
      if (now_ns_ >= next_look_ns_) LookAtAll();
      queue_.Advance(now_ns_, has_room_);
      Wait();
    }
    Resign();
  }

 private:
  // Whoever is left looks for another one.
  void Resign() {
    seat_.Beat(0);
    for (const WatchedProcess& process : processes_) {
      WriteMarks(process.entry().path, {.watcher_pid = 0, .beat_ns = 0}).IgnoreError();
    }
  }

  bool IsBusy() const {
    return !processes_.empty() || !queue_.IsEmpty() || queue_.HasPostponed() ||
           main_process_ >= 0 || scan_.IsAsked();
  }

  bool MayLeave() {
    now_ns_ = MonotonicNs();
    if (IsBusy()) leaving_.NoteBusy(now_ns_);
    if (leaving_.MustLeave(now_ns_)) return true;
    return !IsBusy() && leaving_.MayLeave(now_ns_) && IsLastLookEmpty();
  }

  // Whoever makes a segment after this looks for our beat, does not find it, and starts another.
  bool IsLastLookEmpty() {
    seat_.Beat(0);
    Scan();
    if (IsBusy()) next_look_ns_ = 0;
    return !IsBusy();
  }

  void Scan() {
    for (const SegmentEntry& entry : scan_.List(now_ns_)) {
      const bool is_known =
          std::any_of(processes_.begin(), processes_.end(),
                      [&](const auto& known) { return known.entry().name == entry.name; });
      if (!is_known) Meet(entry);
    }
  }

  void Meet(const SegmentEntry& entry) {
    absl::StatusOr<WatchedProcess> process = WatchedProcess::Begin(entry, options_.key);
    if (!process.ok()) return Bury(entry, options_.directory, nullptr);
    if (process->directory().empty()) process->set_directory(options_.directory);
    processes_.push_back(*std::move(process));
    next_look_ns_ = 0;
  }

  void LookAtAll() {
    last_look_ns_ = now_ns_;
    next_look_ns_ = now_ns_ + kLookNs;
    scan_.AskIfLate(now_ns_);
    std::erase_if(processes_, [](const auto& known) { return known.is_another_program(); });
    seat_.Beat(now_ns_);
    has_room_ = processes_.empty() || HasRoomForSymbols();
    std::vector<AwaitedRequests> awaited;
    for (WatchedProcess& process : processes_) {
      const DumpReason reason = process.Look(now_ns_);
      if (reason != DumpReason::kNone) Dump(process, reason);
      if (!process.is_readable()) continue;
      awaited.push_back({process.entry().path, process.dump_requests(), process.made_ns()});
    }
    if (awaited != awaited_) requests_.Await(awaited);
    awaited_ = std::move(awaited);
  }

  void Dump(const WatchedProcess& process, DumpReason reason) {
    AddJob(process.entry().path, process.directory(), reason, process.evidence());
  }

  // Without a directory there is none that could be trusted.
  void AddJob(const std::string& segment, const std::string& directory, DumpReason reason,
              std::shared_ptr<SegmentFile> evidence, bool is_last = false) {
    if (directory.empty()) return;
    const bool is_urgent = reason == DumpReason::kSignal || reason == DumpReason::kDeath;
    queue_.Add({.segment = segment,
                .directory = directory,
                .reason = NameOf(reason),
                .is_urgent = is_urgent,
                .is_raw = reason == DumpReason::kCgroup,
                .is_last = is_last,
                .evidence = std::move(evidence)});
  }

  void Bury(const SegmentEntry& entry, const std::string& directory,
            std::shared_ptr<SegmentFile> evidence) {
    switch (RemainsOf(entry, options_.key)) {
      case Remains::kEvidence:
        if (queue_.HasGivenUp(entry.path)) break;
        return AddJob(entry.path, directory, DumpReason::kDeath, std::move(evidence), true);
      case Remains::kRequest:
        if (queue_.HasGivenUp(entry.path)) break;  // those that tidy decide
        return AddJob(entry.path, directory, DumpReason::kSignal, std::move(evidence), true);
      case Remains::kBeingMade:
        scan_.Ask();
        break;
      case Remains::kLeftBehind:
        unlink(entry.path.c_str());
        break;
      case Remains::kNone:
        break;
    }
  }

  void Wait() {
    std::vector<pollfd> events;
    for (int descriptor : {scan_.descriptor(), signals_, requests_.descriptor(), main_process_,
                           queue_.descriptor()}) {
      events.push_back({descriptor, POLLIN, 0});  // poll passes over negative ones
    }
    for (const WatchedProcess& process : processes_) {
      events.push_back({process.descriptor(), POLLIN, 0});
    }
    poll(events.data(), events.size(), TimeoutMs());
    now_ns_ = MonotonicNs();
    Handle(events);
  }

  int TimeoutMs() const {
    std::uint64_t until_ns = next_look_ns_;
    if (scan_.IsAsked()) until_ns = std::min(until_ns, scan_.next_ns());
    return until_ns <= now_ns_ ? 0 : static_cast<int>((until_ns - now_ns_) / kNsPerMs + 1);
  }

  void Handle(const std::vector<pollfd>& events) {
    const auto is_ready = [&](std::size_t index) { return events[index].revents != 0; };
    if (is_ready(0)) scan_.NoteChanges();
    if (is_ready(1)) {
      Drain(signals_);
      leaving_.NoteAsked(now_ns_);
    }
    if (is_ready(2)) {
      requests_.Clear();
      awaited_.clear();  // the words have changed
      next_look_ns_ = std::min(next_look_ns_, last_look_ns_ + kSignalPauseNs);
    }
    if (is_ready(3)) {
      close(std::exchange(main_process_, -1));
      scan_.Ask();
    }
    if (is_ready(4)) FinishDump();
    BuryEnded(events, 5);
  }

  // The dump tidied before it ended, but not what it was still reading, and we with it.
  void FinishDump() {
    const bool is_last = queue_.Finish(now_ns_);
    if (is_last) RemoveOldDeadSegments({options_.runtime_directory}, std::nullopt);
    scan_.Ask();  // what was kept for that dump only may go now
  }

  void BuryEnded(const std::vector<pollfd>& events, std::size_t index) {
    for (auto process = processes_.begin(); process != processes_.end(); ++index) {
      if (events[index].revents == 0) {
        ++process;
        continue;
      }
      WriteMarks(process->entry().path, {.end = process->End()}).IgnoreError();
      Bury(process->entry(), process->directory(), process->evidence());
      process = processes_.erase(process);
      next_look_ns_ = 0;  // there may be room for symbols now
    }
  }

  WatchOptions options_;
  WatchSeat seat_;
  SegmentScan scan_;
  int signals_;
  int main_process_;
  RequestWaiter requests_;  // after the signals are blocked, which its thread inherits
  std::list<WatchedProcess> processes_;
  std::vector<AwaitedRequests> awaited_;
  DumpQueue queue_;
  std::uint64_t now_ns_ = MonotonicNs();
  std::uint64_t last_look_ns_ = 0;
  std::uint64_t next_look_ns_ = 0;
  LeavePlan leaving_{now_ns_};
  bool has_room_ = true;
};

}  // namespace

absl::Status Watch(const WatchOptions& options) {
  WatchOptions own = options;
  if (own.key == 0) own.key = OwnWatchKey();
  absl::StatusOr<WatchSeat> seat = WatchSeat::Take(own.runtime_directory, own.key);
  if (!seat.ok()) return seat.status();
  seat->Beat(MonotonicNs());
  Watcher(own, *std::move(seat)).Run();
  return absl::OkStatus();
}

}  // namespace limpet
