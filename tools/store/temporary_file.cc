#include "tools/store/temporary_file.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace limpet {
namespace {

constexpr char kPrefix[] = ".limpet-";
constexpr char kSuffix[] = ".tmp";
constexpr std::time_t kOldSeconds = 3600;

std::optional<pid_t> WriterOf(absl::string_view name) {
  pid_t pid = 0;
  const bool is_ours = absl::ConsumePrefix(&name, kPrefix) && absl::ConsumeSuffix(&name, kSuffix) &&
                       absl::SimpleAtoi(name, &pid) && pid > 0;
  if (!is_ours) return std::nullopt;
  return pid;
}

bool IsGone(pid_t pid) { return kill(pid, 0) != 0 && errno == ESRCH; }

}  // namespace

std::string TemporaryName() { return absl::StrFormat("%s%d%s", kPrefix, getpid(), kSuffix); }

void RemoveDeadTemporaries(const OpenFolder& folder) {
  const std::time_t now = std::time(nullptr);
  for (const std::string& name : folder.Names()) {
    const std::optional<pid_t> writer = WriterOf(name);
    if (!writer.has_value() || !IsGone(*writer)) continue;
    const std::optional<struct stat> facts = folder.Facts(name);
    if (facts.has_value() && facts->st_mtim.tv_sec < now - kOldSeconds) folder.Remove(name);
  }
}

}  // namespace limpet
