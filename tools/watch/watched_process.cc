#include "tools/watch/watched_process.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tools/reader/dead_segments.h"
#include "tools/reader/in_use.h"
#include "tools/reader/living_processes.h"
#include "tools/reader/proc_text.h"
#include "tools/reader/process_facts.h"
#include "tools/reader/section_copy.h"
#include "tools/reader/segment_file.h"
#include "tools/reader/segment_marks.h"
#include "tools/reader/small_file.h"

namespace limpet {
namespace {

// Of the time that passes, how little may go into looking at memory in use.
constexpr std::uint64_t kIdleShare = 1000;

// Of our own user's: another's may say what it likes of processes.
absl::StatusOr<SegmentFile> OpenOwn(const std::string& path) {
  absl::StatusOr<SegmentFile> file = SegmentFile::Open(path);
  if (!file.ok() || file->owner_uid() == geteuid()) return file;
  return absl::PermissionDeniedError(absl::StrCat(path, " belongs to another user"));
}

absl::Status ReadHeaderOf(const std::string& path, SegmentHeader& header) {
  absl::StatusOr<SegmentFile> file = OpenOwn(path);
  return file.ok() ? ReadHeader(*file, header) : file.status();
}

std::string ExecutableOf(std::uint32_t pid) {
  std::error_code error;
  return std::filesystem::read_symlink(absl::StrCat("/proc/", LivingThreadOf(pid), "/exe"), error)
      .string();
}

// The process has the rights that we have, so it could have written there itself.
bool IsOurEqual(std::uint32_t pid) {
  const std::string status = ReadSmallFile(absl::StrCat("/proc/", pid, "/status")).value_or("");
  return ParseEffectiveUid(status) == geteuid();
}

std::string DirectoryOf(const SegmentHeader& header) {
  return {header.dump_directory, strnlen(header.dump_directory, sizeof(header.dump_directory))};
}

std::uint64_t ElapsedNs(std::chrono::steady_clock::time_point began) {
  const auto elapsed = std::chrono::steady_clock::now() - began;
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(elapsed).count());
}

// Its own companion's key is not written yet, but whoever made it is gone.
Remains RemainsOfUnbegun(const SegmentEntry& entry) {
  if (LivesHere(entry.name)) return Remains::kBeingMade;
  const absl::StatusOr<SegmentFile> file = SegmentFile::Open(entry.path);
  return file.ok() && CanNeverBegin(*file) ? Remains::kLeftBehind : Remains::kNone;
}

}  // namespace

absl::StatusOr<WatchedProcess> WatchedProcess::Begin(const SegmentEntry& entry, std::uint64_t key) {
  SegmentHeader header;
  const absl::Status status = ReadHeaderOf(entry.path, header);
  if (!status.ok()) return status;
  if (header.watch_key != key) {
    return absl::FailedPreconditionError("of another container or service");
  }
  const int descriptor = static_cast<int>(syscall(SYS_pidfd_open, entry.name.pid, 0));
  if (descriptor < 0) return absl::ErrnoToStatus(errno, "cannot watch the process");
  WatchedProcess process(entry, descriptor, header);
  // Now that its pid cannot be another's without our seeing it end.
  if (!LivesHere(entry.name)) return absl::NotFoundError("the process is dead");
  const absl::StatusOr<ProcessFacts> facts = ReadProcess(entry.name.pid);
  if (facts.ok() && !IsSegmentOf(*facts, entry.path)) {
    return absl::FailedPreconditionError("of a program that the process was before an exec");
  }
  if (IsOurEqual(entry.name.pid)) process.directory_ = DirectoryOf(header);
  process.executable_ = ExecutableOf(entry.name.pid);
  return process;
}

WatchedProcess::WatchedProcess(const SegmentEntry& entry, int descriptor,
                               const SegmentHeader& header)
    : entry_(entry),
      descriptor_(descriptor),
      parent_pid_(header.parent_pid),
      dump_requests_(header.dump_requests.load()),
      made_ns_(header.created_monotonic_ns),
      plan_(header.watch_settings, made_ns_, header.watch_state.answered_requests.load()) {}

WatchedProcess::WatchedProcess(WatchedProcess&& other) noexcept
    : entry_(std::move(other.entry_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      parent_pid_(other.parent_pid_),
      dump_requests_(other.dump_requests_),
      directory_(std::move(other.directory_)),
      made_ns_(other.made_ns_),
      plan_(other.plan_),
      evidence_(std::move(other.evidence_)),
      oom_kills_(std::move(other.oom_kills_)),
      first_beat_ns_(other.first_beat_ns_),
      early_requests_(other.early_requests_),
      executable_(std::move(other.executable_)),
      is_readable_(other.is_readable_),
      is_another_program_(other.is_another_program_),
      next_in_use_ns_(other.next_in_use_ns_) {}

WatchedProcess::~WatchedProcess() {
  if (descriptor_ >= 0) close(descriptor_);
}

DumpReason WatchedProcess::Look(std::uint64_t now_ns) {
  absl::StatusOr<SegmentFile> file = OpenOwn(entry_.path);
  SegmentHeader header;
  is_readable_ =
      file.ok() && ReadHeader(*file, header).ok() && header.state.load() != SegmentState::kExited;
  if (!is_readable_ || HasBecomeAnother(header)) return DumpReason::kNone;
  evidence_ = std::make_shared<SegmentFile>(*std::move(file));
  oom_kills_.Look(entry_.name.pid, now_ns);
  // Where it fails (rights, a full disk) the target starts companions of its own, and no harm done.
  WriteMarks(entry_.path, {.watcher_pid = static_cast<std::uint32_t>(getpid()), .beat_ns = now_ns})
      .IgnoreError();
  ForgetBeforeExec(header);
  if (header.watcher_pid.load() != static_cast<std::uint32_t>(getpid())) {
    // What is counted from now on has seen our beat; what was before may be answered already.
    if (!ReadHeader(*evidence_, header).ok()) return DumpReason::kNone;
    NoteFirstBeat(now_ns, header);
  }
  dump_requests_ = header.dump_requests.load();
  return plan_.Next(Observe(now_ns, *evidence_, header));
}

// A traced program removes what the one before has left, and has no segment until it samples.
bool WatchedProcess::HasBecomeAnother(const SegmentHeader& header) {
  const std::string executable = ExecutableOf(entry_.name.pid);
  is_another_program_ = header.created_monotonic_ns == made_ns_ && !executable.empty() &&
                        !executable_.empty() && executable != executable_ &&
                        executable != executable_ + " (deleted)";
  return is_another_program_;
}

// The same process, another program: what was planned for the one before is over.
void WatchedProcess::ForgetBeforeExec(const SegmentHeader& header) {
  if (header.created_monotonic_ns == made_ns_) return;
  made_ns_ = header.created_monotonic_ns;
  plan_ = DumpPlan(header.watch_settings, made_ns_, header.watch_state.answered_requests.load());
  if (IsOurEqual(entry_.name.pid)) directory_ = DirectoryOf(header);
  executable_ = ExecutableOf(entry_.name.pid);
}

ProcessEnd WatchedProcess::End() const {
  return {.status = ReadEndStatus(descriptor_, entry_.name), .oom_kills = oom_kills_.Count()};
}

void WatchedProcess::NoteFirstBeat(std::uint64_t now_ns, const SegmentHeader& header) {
  first_beat_ns_ = now_ns;
  early_requests_ = header.dump_requests.load();
}

// What came before our first beat the process may be answering itself: it is given a moment to say
// so.
void WatchedProcess::ObserveRequests(const SegmentHeader& header, Observation& seen) const {
  seen.answered_requests = header.watch_state.answered_requests.load();
  const bool may_be_answered = dump_requests_ == early_requests_ && early_requests_ != 0 &&
                               seen.now_ns < first_beat_ns_ + kWatchBeatNs;
  seen.dump_requests = may_be_answered ? seen.answered_requests : dump_requests_;
}

Observation WatchedProcess::Observe(std::uint64_t now_ns, const SegmentFile& file,
                                    const SegmentHeader& header) {
  Observation seen = {.now_ns = now_ns};
  ObserveRequests(header, seen);
  if (plan_.NeedsMemoryLimit()) seen.memory = ReadMemoryLimit(absl::StrCat(entry_.name.pid));
  if (plan_.NeedsInUse() && now_ns >= next_in_use_ns_) {
    const auto began = std::chrono::steady_clock::now();
    const absl::StatusOr<std::uint64_t> in_use = ReadInUseBytes(file, header);
    if (in_use.ok()) seen.in_use = *in_use;
    next_in_use_ns_ = now_ns + kIdleShare * ElapsedNs(began);
  }
  return seen;
}

Remains RemainsOf(const SegmentEntry& entry, std::uint64_t key) {
  SegmentHeader header;
  const absl::Status status = ReadHeaderOf(entry.path, header);
  if (absl::IsUnavailable(status)) return RemainsOfUnbegun(entry);
  if (!status.ok() || header.watch_key != key || LivesHere(entry.name)) return Remains::kNone;
  const bool is_done = header.watch_state.has_last_profile.load() != 0;
  if (header.state.load() != SegmentState::kExited) {
    return is_done ? Remains::kNone : Remains::kEvidence;
  }
  const bool is_asked = header.dump_requests.load() != header.watch_state.answered_requests.load();
  return is_asked && !is_done ? Remains::kRequest : Remains::kLeftBehind;
}

}  // namespace limpet
