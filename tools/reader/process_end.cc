#include "tools/reader/process_end.h"

#include <sys/ioctl.h>
#include <sys/wait.h>

#include <csignal>
#include <cstring>
#include <optional>

#include "absl/strings/str_format.h"
#include "tools/reader/proc_text.h"
#include "tools/reader/signal_name.h"
#include "tools/reader/small_file.h"

namespace limpet {
namespace {

// struct pidfd_info of Linux 6.13, and exit_code of 6.15; newer than the headers of Debian 12.
struct PidfdInfo {
  std::uint64_t mask;  // what is asked for, and then what is there
  std::uint64_t cgroup_id;
  std::uint32_t pid;
  std::uint32_t tgid;
  std::uint32_t ppid;
  std::uint32_t credentials[8];
  std::int32_t exit_code;
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr std::uint64_t kPidfdInfoExit = 1 << 3;
constexpr unsigned long kPidfdGetInfo = _IOWR(0xFF, 11, PidfdInfo);

std::uint32_t StatusOfReaped(int pidfd) {
  PidfdInfo info = {};
  info.mask = kPidfdInfoExit;
  const bool is_known =
      ioctl(pidfd, kPidfdGetInfo, &info) == 0 && (info.mask & kPidfdInfoExit) != 0;
  return is_known ? static_cast<std::uint32_t>(info.exit_code) : 0;
}

std::uint32_t StatusOfZombie(const SegmentName& name, const std::string& proc) {
  const std::string path = absl::StrFormat("%s/%d/stat", proc, name.pid);
  const std::optional<StatFacts> stat = ParseStat(ReadSmallFile(path).value_or(""));
  const bool is_it = stat.has_value() && stat->IsDead() && stat->start_ticks == name.start_ticks;
  return is_it ? stat->exit_code : 0;
}

std::string DescribeStatus(int status) {
  if (WIFSIGNALED(status)) return absl::StrFormat("killed by %s", SignalName(WTERMSIG(status)));
  return absl::StrFormat("exit status %d", WEXITSTATUS(status));
}

}  // namespace

std::uint32_t ReadEndStatus(int pidfd, const SegmentName& name, const std::string& proc) {
  // It may be reaped between the two: then the second knows.
  const std::uint32_t status = StatusOfZombie(name, proc);
  return status != 0 ? status : StatusOfReaped(pidfd);
}

std::string DescribeEnd(const ProcessEnd& end) {
  const auto status = static_cast<int>(end.status);
  const bool may_be_oom = status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  std::string words = status == 0 ? "" : DescribeStatus(status);
  if (end.oom_kills == 0 || !may_be_oom) return words;
  if (!words.empty()) words += "; ";
  if (end.oom_kills == 1) return words + "its cgroup counted an OOM kill";
  return words + absl::StrFormat("its cgroup counted %d OOM kills (dumps of limpet go first)",
                                 end.oom_kills);
}

}  // namespace limpet
