#include "runtime/sys/process_identity.h"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cstring>

#include "runtime/sys/clock.h"
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

// Field 22, counted from behind the command's name, which may hold spaces and parentheses itself.
std::uint64_t ParseStartTicks(const char* stat) {
  const char* at = strrchr(stat, ')');
  for (int field = 2; at != nullptr && field < 22; ++field) {
    at = strchr(at, ' ');
    if (at != nullptr) ++at;
  }
  std::uint64_t ticks = 0;
  for (; at != nullptr && *at >= '0' && *at <= '9'; ++at) {
    ticks = ticks * 10 + static_cast<std::uint64_t>(*at - '0');
  }
  return ticks;
}

}  // namespace

std::uint64_t ProcessStartTicks() {
  char stat[1024];
  std::uint64_t ticks = 0;
  if (ReadWhole("/proc/self/stat", stat, sizeof(stat)) != 0) ticks = ParseStartTicks(stat);
  return ticks != 0 ? ticks : ReadClockNs(CLOCK_BOOTTIME) / kNsPerTick;
}

void ReadExecutablePath(char* text, std::size_t bytes) {
  memset(text, 0, bytes);
  RawSyscall(SYS_readlink, AsArgument("/proc/self/exe"), AsArgument(text),
             static_cast<long>(bytes - 1));
}

std::uint64_t PidNamespace() {
  struct stat status = {};
  long result = RawSyscall(SYS_stat, AsArgument("/proc/self/ns/pid"), AsArgument(&status));
  return Failed(result) ? 0 : status.st_ino;
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
  ReadWhole("/proc/self/cmdline", text, bytes);
}

}  // namespace limpet::sys
