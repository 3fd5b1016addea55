#include "runtime/dump/watch_start.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include <atomic>
#include <cstdint>

#include "runtime/dump/companion_start.h"
#include "runtime/session.h"
#include "runtime/setting/watch_key.h"
#include "runtime/sys/detached_process.h"
#include "runtime/sys/fixed_text.h"
#include "runtime/sys/kernel_clock.h"
#include "runtime/sys/raw_syscall.h"
#include "runtime/sys/sandbox.h"

namespace limpet {
namespace {

using sys::AsArgument;
using sys::Failed;
using sys::RawSyscall;

// A look costs a few system calls, and a descriptor for a moment; a start that comes to nothing a
// process. Forked children inherit the time: their parent has looked for them.
constexpr std::uint64_t kLookPauseNs = 1'000'000'000;
constexpr std::uint64_t kRefusedPauseNs = 60 * kLookPauseNs;
constinit std::atomic<std::uint64_t> g_next_look_ns = 0;

bool MayLook() {
  std::uint64_t now_ns = sys::CoarseMonotonicNs();
  std::uint64_t next_ns = g_next_look_ns.load(std::memory_order_relaxed);
  return now_ns >= next_ns && g_next_look_ns.compare_exchange_strong(next_ns, now_ns + kLookPauseNs,
                                                                     std::memory_order_relaxed);
}

bool IsFresh(std::uint64_t beat_ns) { return IsFreshBeat(beat_ns, sys::CoarseMonotonicNs()); }

// One that was killed is missed at once, not only when its beat is old.
bool IsThere(std::uint32_t pid) {
  return sys::IsSandboxed() || !sys::WaitUntilGone(static_cast<int>(pid), 0);
}

// The companion of this key may not have come to know this process yet. True also where we cannot
// look: one that we start could do nothing there either.
bool HasWatcher(const char* directory, std::uint64_t key) {
  sys::FixedText<kWatchLockNameBytes + kRuntimePathBytes> path;
  char name[kWatchLockNameBytes];
  WriteWatchLockName(key, name);
  path.Append(directory).Append("/").Append(name);
  WatchLock lock = {};
  long file = RawSyscall(SYS_open, AsArgument(path.c_str()), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (Failed(file)) return file != -ENOENT;
  // Whoever dies lets go of the lock at once, but keeps its pid until it is reaped. If we get it
  // for this moment, a companion that starts now may not; then it is for us to start one.
  bool is_held = RawSyscall(SYS_flock, file, LOCK_SH | LOCK_NB) == -EWOULDBLOCK;
  // A child that is forked at this moment must not keep it.
  RawSyscall(SYS_flock, file, LOCK_UN);
  RawSyscall(SYS_pread64, file, AsArgument(&lock), sizeof(lock), 0);
  RawSyscall(SYS_close, file);
  return is_held && lock.beat_ns != 0;  // 0: it is about to leave, and may not have seen us
}

void StartWatcher(const char* directory, std::uint64_t key) {
  sys::FixedText<24> key_text;
  key_text.AppendNumber(key);
  const char* profiles = session::options().dump_directory.c_str();
  const char* arguments[] = {"limpet", "watch", "--runtime-dir",  directory, "--directory",
                             profiles, "--key", key_text.c_str(), nullptr};
  if (StartCompanion(arguments, 0) != 0) return;
  g_next_look_ns.store(sys::CoarseMonotonicNs() + kRefusedPauseNs, std::memory_order_relaxed);
}

}  // namespace

bool IsWatched() {
  SegmentHeader* header = session::header();
  if (header == nullptr) return false;
  std::uint32_t watcher = header->watcher_pid.load(std::memory_order_acquire);
  return watcher != 0 && IsFresh(header->watch_state.beat_ns.load(std::memory_order_relaxed)) &&
         IsThere(watcher);
}

void EnsureWatcher() {
  const Options& options = session::options();
  SegmentHeader* header = session::header();
  if (header == nullptr || !(options.is_watched || options.watch.AsksForDumps())) return;
  if (header->watch_key == 0 || sys::IsSandboxed() || !MayLook() || IsWatched()) return;
  const char* directory = options.runtime_directory.c_str();
  if (!HasWatcher(directory, header->watch_key)) StartWatcher(directory, header->watch_key);
}

}  // namespace limpet
