// Writes what it sees of itself into the file named by its first argument: what a program finds
// that was started apart from its starter, or under another name.

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <string>

#include "runtime/sys/process_identity.h"

extern char** environ;

namespace {

std::string LinkOf(int descriptor) {
  char target[256] = {};
  const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  if (readlink(path.c_str(), target, sizeof(target) - 1) < 0) return "closed";
  return target;
}

int CountDescriptors() {
  DIR* directory = opendir("/proc/self/fd");
  int count = 0;
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(directory)) ++count;
  }
  closedir(directory);
  return count;
}

int CountVariables() {
  int count = 0;
  while (environ[count] != nullptr) ++count;
  return count;
}

int CountBlockedSignals() {
  sigset_t blocked;
  sigprocmask(SIG_BLOCK, nullptr, &blocked);
  int count = 0;
  for (int signal = 1; signal <= SIGRTMAX; ++signal) {
    count += sigismember(&blocked, signal) == 1 ? 1 : 0;
  }
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  char name[56], executable[512];
  limpet::sys::ReadProgramName(name, sizeof(name));
  limpet::sys::ReadExecutablePath(executable, sizeof(executable));
  const int descriptors = CountDescriptors();
  FILE* report = fopen(argv[1], "w");
  if (report == nullptr) return 3;
  fprintf(report, "name %s\nexecutable %s\narguments %d\nlast_argument %s\n", name, executable,
          argc, argv[argc - 1]);
  fprintf(report, "descriptors %d\n", descriptors);
  for (int i = 0; i < 3; ++i) fprintf(report, "descriptor%d %s\n", i, LinkOf(i).c_str());
  fprintf(report, "variables %d\nblocked_signals %d\n", CountVariables(), CountBlockedSignals());
  fprintf(report, "leads_session %d\n", getsid(0) == getpid() ? 1 : 0);
  return fclose(report);
}
