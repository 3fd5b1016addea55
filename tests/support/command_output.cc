#include "tests/support/command_output.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "tests/support/temporary_directory.h"
#include "tests/support/text_pointers.h"

namespace limpet {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void RedirectTo(const std::string& path, int descriptor) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  dup2(file, descriptor);
  close(file);
}

[[noreturn]] void Execute(const std::vector<std::string>& command,
                          const std::vector<std::string>& environment) {
  for (const std::string& variable : environment) putenv(const_cast<char*>(variable.c_str()));
  const std::vector<char*> arguments = PointersTo(command);
  execvp(arguments[0], arguments.data());
  _exit(127);
}

}  // namespace

CommandOutput RunProgram(const std::vector<std::string>& command,
                         const std::vector<std::string>& environment) {
  const TemporaryDirectory directory;
  const pid_t child = fork();
  if (child == 0) {
    RedirectTo(directory.File("out"), STDOUT_FILENO);
    RedirectTo(directory.File("error"), STDERR_FILENO);
    Execute(command, environment);
  }
  int status = 0;
  rusage usage = {};
  const bool has_ended = child > 0 && wait4(child, &status, 0, &usage) == child;
  return {.exit_code = has_ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1,
          .out = ReadFile(directory.File("out")),
          .error = ReadFile(directory.File("error")),
          .peak_resident_bytes = usage.ru_maxrss * 1024};
}

bool IsOnPath(const std::string& program) {
  return RunProgram({"sh", "-c", "command -v " + program}).exit_code == 0;
}

}  // namespace limpet
