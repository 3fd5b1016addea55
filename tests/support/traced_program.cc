#include "tests/support/traced_program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/text_pointers.h"
#include "tools/reader/segment_directory.h"
#include "tools/reader/segment_reader.h"

namespace limpet {
namespace {

std::string MakeDirectory() {
  char path[] = "/dev/shm/limpet-test-XXXXXX";
  if (mkdtemp(path) == nullptr) ADD_FAILURE() << "no directory under /dev/shm";
  return path;
}

}  // namespace

TracedProgram::TracedProgram(const std::vector<std::string>& command,
                             const std::vector<std::string>& settings)
    : directory_(MakeDirectory()) {
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) ADD_FAILURE() << "no pipes";
  std::vector<std::string> environment = settings;
  environment.insert(environment.end(), {std::string("LD_PRELOAD=") + LIMPET_TEST_LIBRARY,
                                         "LIMPET_RUNTIME_DIR=" + directory_, "PATH=/usr/bin:/bin"});
  std::vector<char*> arguments = PointersTo(command);
  std::vector<char*> variables = PointersTo(environment);
  pid_ = fork();
  if (pid_ == 0) {
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    execve(arguments[0], arguments.data(), variables.data());
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  to_program_ = in[1];
  from_program_ = out[0];
}

TracedProgram::~TracedProgram() {
  if (pid_ != 0) Finish();
  std::filesystem::remove_all(directory_);
}

std::string TracedProgram::ReadLine() {
  std::string line;
  char c = 0;
  while (read(from_program_, &c, 1) == 1 && c != '\n') line += c;
  return line;
}

void TracedProgram::WaitUntilReady() { ASSERT_EQ(ReadLine(), "ready"); }

void TracedProgram::Continue() { ASSERT_EQ(write(to_program_, "\n", 1), 1); }

int TracedProgram::Finish() {
  int status = 0;
  close(to_program_);
  waitpid(pid_, &status, 0);
  close(from_program_);
  pid_ = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::vector<std::string> TracedProgram::Segments() const {
  std::vector<std::string> paths;
  for (const SegmentEntry& entry : ListSegments({directory_})) paths.push_back(entry.path);
  return paths;
}

bool TracedProgram::LeavesNoSegment() const {
  for (int tries = 0; tries < 1000 && !Segments().empty(); ++tries) usleep(10'000);
  return Segments().empty();
}

SegmentSnapshot TracedProgram::Read() const {
  std::optional<SegmentEntry> entry =
      FindNewestSegment({directory_}, static_cast<std::uint32_t>(pid_));
  if (!entry) {
    ADD_FAILURE() << "no segment of pid " << pid_;
    return {};
  }
  absl::StatusOr<SegmentSnapshot> snapshot = ReadSegment(entry->path);
  if (!snapshot.ok()) ADD_FAILURE() << snapshot.status();
  return snapshot.ok() ? *std::move(snapshot) : SegmentSnapshot();
}

}  // namespace limpet
