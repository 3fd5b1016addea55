#include "runtime/sys/process_identity.h"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cstring>

#include "runtime/sys/fixed_text.h"
#include "runtime/sys/kernel_clock.h"
#include "runtime/sys/private_pages.h"
#include "runtime/sys/raw_syscall.h"

namespace limpet::sys {
namespace {

constexpr std::uint64_t kNsPerTick = 10'000'000;  // USER_HZ is 100 on every Linux port in use

// Bytes read, at most `bytes - 1`; the rest of `text` is zero.
std::size_t ReadWhole(const char* path, char* text, std::size_t bytes) {
  memset(text, 0, bytes);
  long file = RawSyscall(SYS_open, AsArgument(path), O_RDONLY | O_CLOEXEC);
  if (Failed(file)) return 0;
  long filled = RawSyscall(SYS_read, file, AsArgument(text), static_cast<long>(bytes - 1));
  RawSyscall(SYS_close, file);
  return Failed(filled) ? 0 : static_cast<std::size_t>(filled);
}

// Calls `see` with each piece of a file, whose lines are whole where /proc makes them so; stops
// when it answers true.
template <class See>
bool ReadPieces(const char* path, char* piece, std::size_t bytes, See see) {
  long file = RawSyscall(SYS_open, AsArgument(path), O_RDONLY | O_CLOEXEC);
  bool has_seen = false;
  long filled = Failed(file) ? 0 : 1;
  while (filled > 0 && !has_seen) {
    filled = RawSyscall(SYS_read, file, AsArgument(piece), static_cast<long>(bytes));
    if (filled > 0) has_seen = see(piece, static_cast<std::size_t>(filled));
  }
  if (!Failed(file)) RawSyscall(SYS_close, file);
  return has_seen;
}

// The number `fields` fields further on, 0: there is none.
std::uint64_t ParseField(const char* at, int fields) {
  for (; at != nullptr && fields > 0; --fields) {
    at = strchr(at, ' ');
    if (at != nullptr) ++at;
  }
  std::uint64_t value = 0;
  for (; at != nullptr && *at >= '0' && *at <= '9'; ++at) {
    value = value * 10 + static_cast<std::uint64_t>(*at - '0');
  }
  return value;
}

// Field 22, counted from behind the command's name, which may hold spaces and parentheses itself.
std::uint64_t ParseStartTicks(const char* stat) { return ParseField(strrchr(stat, ')'), 20); }

// Not /proc/self, which is the main thread's: where that has ended, its memory and files are gone
// from there.

// A field of statm (proc(5)), which are pages, in bytes.
std::uint64_t MemoryBytes(int field) {
  char statm[160];  // seven numbers
  ReadWhole("/proc/thread-self/statm", statm, sizeof(statm));
  return ParseField(statm, field) * kPageBytes;
}

}  // namespace

std::uint64_t ProcessStartTicks() {
  char stat[384];  // 355 to the end of field 22 if each number is as long as it can be
  std::uint64_t ticks = 0;
  if (ReadWhole("/proc/self/stat", stat, sizeof(stat)) != 0) ticks = ParseStartTicks(stat);
  return ticks != 0 ? ticks : KernelClockNs(CLOCK_BOOTTIME) / kNsPerTick;
}

std::uint64_t AddressSpaceBytes() { return MemoryBytes(0); }
std::uint64_t PrivateDataBytes() { return MemoryBytes(5); }

void ReadExecutablePath(char* text, std::size_t bytes) {
  memset(text, 0, bytes);
  RawSyscall(SYS_readlink, AsArgument("/proc/thread-self/exe"), AsArgument(text),
             static_cast<long>(bytes - 1));
}

std::uint64_t PidNamespace() {
  struct stat status = {};
  long result = RawSyscall(SYS_stat, AsArgument("/proc/thread-self/ns/pid"), AsArgument(&status));
  return Failed(result) ? 0 : status.st_ino;
}

void ReadCgroups(std::uint64_t* hash,
                 std::uint64_t (*add)(std::uint64_t, const char*, std::size_t)) {
  char piece[256];  // it may be asked for on a small signal stack
  ReadPieces("/proc/thread-self/cgroup", piece, sizeof(piece),
             [&](const char* text, std::size_t bytes) {
               *hash = add(*hash, text, bytes);
               return false;
             });
}

// "ID: 2\nsignal: 32/0000563088bcb530\nnotify: signal/tid.21369\nClockID: 1\n": the signal is one
// that libc keeps for itself. Source: Linux, fs/proc/base.c; glibc, internal-signals.h
std::uint32_t TimerThreadId() {
  constexpr char kLibcsSignal[] = "signal: 32/", kNotified[] = "notify: signal/tid.";
  char timers[1024];
  ReadWhole("/proc/self/timers", timers, sizeof(timers));
  const char* timer = strstr(timers, kLibcsSignal);
  const char* thread = timer != nullptr ? strstr(timer, kNotified) : nullptr;
  if (thread == nullptr || strchr(thread, '\n') == nullptr) return 0;
  auto id = static_cast<std::uint32_t>(ParseField(thread + strlen(kNotified), 0));
  // /proc may be another namespace's, and so its numbers.
  bool is_ours = RawSyscall(SYS_tgkill, RawSyscall(SYS_getpid), id, 0) == 0;
  return is_ours ? id : 0;
}

bool ParentHasMapped(const char* name) {
  FixedText<32> path;
  char piece[kPageBytes];
  path.Append("/proc/").AppendNumber(static_cast<std::uint64_t>(RawSyscall(SYS_getppid)));
  path.Append("/maps");
  return ReadPieces(path.c_str(), piece, sizeof(piece), [&](const char* text, std::size_t bytes) {
    return memmem(text, bytes, name, strlen(name)) != nullptr;
  });
}

// AT_EXECFN is the path given to execve; it lies behind the environment, where setproctitle does
// not write.
void ReadProgramName(char* text, std::size_t bytes) {
  auto* path = reinterpret_cast<const char*>(getauxval(AT_EXECFN));
  memset(text, 0, bytes);
  if (path == nullptr) return;
  const char* last_slash = strrchr(path, '/');
  const char* name = last_slash == nullptr ? path : last_slash + 1;
  memcpy(text, name, strnlen(name, bytes - 1));
}

void ReadCommandLine(char* text, std::size_t bytes) {
  ReadWhole("/proc/thread-self/cmdline", text, bytes);
}

}  // namespace limpet::sys
