#include "tools/launch/machine_check.h"

#include <gnu/libc-version.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tools/launch/command_path.h"
#include "tools/launch/preload_library.h"
#include "tools/reader/small_file.h"

namespace limpet {
namespace {

constexpr char kSharedMemory[] = "/dev/shm";
constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20;
// Segments take at most a quarter of what is free; below this they have no room to start.
constexpr std::uint64_t kLittleFree = 8 * kMebibyte;
constexpr std::pair<int, int> kOldestGlibc = {2, 34};

void AddFact(MachineReport* report, std::string name, std::string value) {
  report->facts.emplace_back(std::move(name), std::move(value));
}

std::string ReadLine(const std::string& path) {
  return std::string(absl::StripAsciiWhitespace(ReadSmallFile(path).value_or("absent")));
}

void CheckLibc(MachineReport* report) {
  const std::string version = gnu_get_libc_version();
  AddFact(report, "glibc", version);
  const std::vector<std::string> parts = absl::StrSplit(version, '.');
  std::pair<int, int> number;
  if (parts.size() < 2 || !absl::SimpleAtoi(parts[0], &number.first) ||
      !absl::SimpleAtoi(parts[1], &number.second)) {
    return;
  }
  if (number < kOldestGlibc) {
    Add(&report->findings, Severity::kBlocks,
        absl::StrCat("glibc ", version, " is older than 2.34"),
        "use a system of 2022 or later (Debian 12, Ubuntu 22.04, RHEL 9)");
  }
}

void CheckSharedMemory(MachineReport* report) {
  struct statvfs mount;
  if (statvfs(kSharedMemory, &mount) != 0) {
    Add(&report->findings, Severity::kBlocks, "there is no /dev/shm to hold a trace",
        "mount a tmpfs there, or set LIMPET_RUNTIME_DIR to a memory file system");
    return;
  }
  const std::uint64_t size = mount.f_blocks * mount.f_frsize;
  const std::uint64_t free = mount.f_bavail * mount.f_frsize;
  AddFact(report, kSharedMemory,
          absl::StrCat(size / kMebibyte, " MiB, ", free / kMebibyte, " MiB free"));
  if ((mount.f_flag & ST_RDONLY) != 0 || free < kLittleFree) {
    Add(&report->findings, Severity::kBlocks,
        "/dev/shm is read-only or full: a trace needs 8 MiB free",
        "free it, start the container with --shm-size=256m, or set LIMPET_RUNTIME_DIR");
  } else if (size < 256 * kMebibyte) {
    Add(&report->findings, Severity::kNote,
        "/dev/shm is smaller than 256 MiB: a trace takes at most 16 MiB of it",
        "start the container with --shm-size=256m for more");
  }
}

void CheckKernel(MachineReport* report) {
  struct utsname system;
  if (uname(&system) == 0) AddFact(report, "kernel", system.release);
  const std::string ptrace_scope = ReadLine("/proc/sys/kernel/yama/ptrace_scope");
  AddFact(report, "ptrace_scope", ptrace_scope);
  AddFact(report, "perf_event_paranoid", ReadLine("/proc/sys/kernel/perf_event_paranoid"));
  if (ptrace_scope == "2" || ptrace_scope == "3") {
    Add(&report->findings, Severity::kNote,
        "ptrace_scope keeps users from reading other processes; heap profiles do not need that",
        "run limpet as root, or set kernel.yama.ptrace_scope to 1, for stacks of waiting threads");
  }
}

void CheckTools(MachineReport* report, const std::string& executable, const std::string& library) {
  const absl::StatusOr<std::string> preload = FindPreloadLibrary(executable, library);
  AddFact(report, "liblimpet.so", preload.ok() ? *preload : "not found");
  if (!preload.ok()) {
    Add(&report->findings, Severity::kBlocks, std::string(preload.status().message()),
        "build it (meson compile -C build), or reinstall limpet");
  }
  const absl::StatusOr<std::string> go = FindCommand("go", SearchPath());
  AddFact(report, "go", go.ok() ? *go : "not on PATH");
  if (!go.ok()) {
    Add(&report->findings, Severity::kNote, "there is no `go tool pprof` to look at profiles with",
        "apt-get install golang-go; or `limpet dump -f text`");
  }
}

}  // namespace

MachineReport CheckMachine(const std::string& executable, const std::string& library) {
  MachineReport report;
  CheckKernel(&report);
  CheckLibc(&report);
  CheckSharedMemory(&report);
  CheckTools(&report, executable, library);
  return report;
}

}  // namespace limpet
