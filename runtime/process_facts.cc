#include "runtime/process_facts.h"

#include <sys/syscall.h>
#include <time.h>

#include <cstring>

#include "runtime/setting/program_choice.h"
#include "runtime/setting/watch_key.h"
#include "runtime/sys/kernel_clock.h"
#include "runtime/sys/process_identity.h"
#include "runtime/sys/raw_syscall.h"

namespace limpet {
namespace {

template <std::size_t kBytes>
void CopyText(const char* from, char (&to)[kBytes]) {
  std::size_t bytes = strnlen(from, kBytes - 1);
  memcpy(to, from, bytes);
  to[bytes] = '\0';
}

// What a forked child has in common with its parent; asking /proc for it takes longer than a fork.
struct FamilyFacts {
  std::uint32_t pid = 0;  // of who asked, 0: nobody
  std::uint64_t pid_namespace = 0;
  std::uint64_t watch_key = 0;
  char executable[sizeof(SegmentHeader::executable)] = {};
};
constinit FamilyFacts g_family = {};

std::uint32_t Ask(long number) { return static_cast<std::uint32_t>(sys::RawSyscall(number)); }

void FillTimes(SegmentHeader* header) {
  header->created_unix_ns = sys::KernelClockNs(CLOCK_REALTIME);
  header->created_monotonic_ns = sys::KernelClockNs(CLOCK_MONOTONIC);
}

void FillIdentity(std::uint64_t start_ticks, SegmentHeader* header) {
  header->pid = Ask(SYS_getpid);
  header->parent_pid = Ask(SYS_getppid);
  header->uid = Ask(SYS_geteuid);
  header->start_ticks = start_ticks;
}

void AskForFamily(std::uint64_t pid_namespace, FamilyFacts* family) {
  sys::ReadExecutablePath(family->executable, sizeof(family->executable));
  family->watch_key = 0;
  family->pid_namespace = pid_namespace;
  if (family->pid_namespace == 0) return;  // no /proc: nobody could find us by it
  family->watch_key = StartWatchKey(family->pid_namespace);
  sys::ReadCgroups(&family->watch_key, AddToWatchKey);
}

// Pids say something inside one namespace only.
void FillFamily(SegmentHeader* header) {
  std::uint64_t pid_namespace = sys::PidNamespace();
  bool is_parents = g_family.pid != 0 && g_family.pid == header->parent_pid &&
                    g_family.pid_namespace == pid_namespace;
  if (!is_parents) AskForFamily(pid_namespace, &g_family);
  g_family.pid = header->pid;
  header->pid_namespace = g_family.pid_namespace;
  header->watch_key = g_family.watch_key;
  memcpy(header->executable, g_family.executable, sizeof(header->executable));
}

}  // namespace

void FillProcessFacts(const Options& options, std::uint64_t start_ticks, SegmentHeader* header) {
  FillIdentity(start_ticks, header);
  FillFamily(header);
  FillTimes(header);
  header->sample_interval_bytes = options.sample_bytes;
  header->block_rate_ns = options.block_rate_ns;
  header->max_bytes = header->segment_bytes;
  header->dump_signal = static_cast<std::uint32_t>(options.dump_signal);
  header->watch_settings = options.watch;
  sys::ReadProgramName(header->program, sizeof(header->program));
  sys::ReadCommandLine(header->command_line, sizeof(header->command_line));
  CopyText(options.dump_directory.c_str(), header->dump_directory);
}

bool IsChosenProcess(const Options& options) {
  char program[sizeof(SegmentHeader::program)];
  sys::ReadProgramName(program, sizeof(program));
  if (!IsChosenProgram(options.only.c_str(), program)) return false;
  return !options.skips_executed || !sys::ParentHasMapped("/liblimpet.so");
}

}  // namespace limpet
