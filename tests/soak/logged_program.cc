#include "tests/soak/logged_program.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "tests/soak/log_mapping.h"
#include "tests/support/text_pointers.h"

namespace limpet {

LoggedProgram::LoggedProgram(std::string place) : place_(std::move(place)) {
  std::filesystem::remove_all(place_);
  std::filesystem::create_directories(place_);
  log_ = MapCallLog((place_ + "/log").c_str());
  if (log_ == nullptr) {
    perror(place_.c_str());
    abort();
  }
}

LoggedProgram::~LoggedProgram() {
  Kill();
  munmap(log_, sizeof(CallLog));
  std::error_code error;
  std::filesystem::remove_all(place_, error);
}

void LoggedProgram::Start(const std::vector<std::string>& command, const std::string& library,
                          std::uint64_t sample_bytes) {
  const std::vector<std::string> environment = {
      "LD_PRELOAD=" + library, "LIMPET_RUNTIME_DIR=" + place_ + "/run",
      "LIMPET_SAMPLE_BYTES=" + std::to_string(sample_bytes),
      kCallLogVariable + ("=" + place_ + "/log")};
  std::vector<char*> arguments = PointersTo(command);
  std::vector<char*> variables = PointersTo(environment);
  pid_ = fork();
  if (pid_ == 0) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // nobody would kill it any more
    execve(arguments[0], arguments.data(), variables.data());
    _exit(127);
  }
  // Whoever comes first: it may be killed before it runs.
  setpgid(pid_, pid_);
}

void LoggedProgram::Kill() {
  if (pid_ <= 0) return;
  kill(-pid_, SIGKILL);
  // Its children become ours before it can be waited for.
  while (waitpid(-pid_, nullptr, __WALL) > 0) {
  }
  pid_ = 0;
}

int LoggedProgram::Wait() {
  int status = -1;
  waitpid(pid_, &status, 0);
  return status;
}

std::vector<SegmentEntry> LoggedProgram::Segments() const {
  return ListSegments({place_ + "/run"});
}

std::optional<SegmentEntry> LoggedProgram::SegmentOf(std::uint32_t pid) const {
  return FindNewestSegment({place_ + "/run"}, pid);
}

void LoggedProgram::Keep(const std::string& folder) const {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::filesystem::copy(
      place_, folder,
      std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing,
      error);
}

}  // namespace limpet
