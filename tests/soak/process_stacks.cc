#include "tests/soak/process_stacks.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <string>

#include "tools/reader/process_facts.h"

namespace limpet {
namespace {

void Run(const std::string& command) {
  fflush(stdout);
  if (system(command.c_str()) != 0) printf("(%s failed)\n", command.c_str());
}

}  // namespace

void PrintStacksOfGroup(pid_t group) {
  for (std::uint32_t pid : ListProcesses()) {
    if (getpgid(static_cast<pid_t>(pid)) != group) continue;
    const std::string number = std::to_string(pid);
    printf("--- process %u\n", pid);
    Run("head -v /proc/" + number + "/task/*/wchan /proc/" + number + "/task/*/syscall");
    Run("! command -v gdb >/dev/null || timeout 60 gdb -batch -nx -p " + number +
        " -ex 'thread apply all backtrace' 2>&1");
  }
}

}  // namespace limpet
