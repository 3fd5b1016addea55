#include "runtime/sys/process_identity.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/runtime/sys/child_process.h"
#include "tests/runtime/sys/witness_report.h"
#include "tests/support/temporary_directory.h"

namespace limpet::sys {
namespace {

// proc(5): the name stands in parentheses and may hold anything; field 3 follows it.
std::uint64_t StartTicksByStat() {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string field;
  for (int number = 3; number <= 22; ++number) fields >> field;
  return std::stoull(field);
}

TEST(ProcessIdentity, HasTheStartTicksOfStat) {
  EXPECT_EQ(ProcessStartTicks(), StartTicksByStat());
  EXPECT_GT(ProcessStartTicks(), 0u);
}

TEST(ProcessIdentity, HasStartTicksWhateverItsName) {
  for (const char* name : {"a b", "a) 1 2 3", ")))(((", "x) R 1 (y"}) {
    SCOPED_TRACE(name);
    test::ExpectInChild([&] {
      prctl(PR_SET_NAME, name);
      EXPECT_EQ(ProcessStartTicks(), StartTicksByStat());
    });
  }
}

TEST(ProcessIdentity, HasItsPidNamespace) {
  struct stat status = {};
  ASSERT_EQ(stat("/proc/self/ns/pid", &status), 0);
  EXPECT_EQ(PidNamespace(), status.st_ino);
}

TEST(ProcessIdentity, HasTheMemoryThatLimitsCount) {
  constexpr std::uint64_t kReservedBytes = 64 << 20;
  const std::uint64_t space = AddressSpaceBytes(), data = PrivateDataBytes();
  EXPECT_GT(data, 0u);
  EXPECT_GT(space, data);
  void* reserved = mmap(nullptr, kReservedBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT_GE(AddressSpaceBytes(), space + kReservedBytes);
  EXPECT_LT(PrivateDataBytes(), data + kReservedBytes);
  ASSERT_EQ(mprotect(reserved, kReservedBytes, PROT_READ | PROT_WRITE), 0);
  EXPECT_GE(PrivateDataBytes(), data + kReservedBytes);
  munmap(reserved, kReservedBytes);
}

TEST(ProcessIdentity, HasTheExecutableOfProc) {
  char text[512];
  ReadExecutablePath(text, sizeof(text));
  EXPECT_EQ(std::string(text), std::filesystem::read_symlink("/proc/self/exe").string());
}

TEST(ProcessIdentity, HasTheArgumentsItWasStartedWith) {
  std::ifstream file("/proc/self/cmdline");
  const std::string arguments((std::istreambuf_iterator<char>(file)), {});
  char text[4096];
  ReadCommandLine(text, sizeof(text));
  EXPECT_EQ(std::string(text, arguments.size()), arguments);
  EXPECT_EQ(text[arguments.size()], '\0');
}

TEST(ProcessIdentity, CutsTextThatDoesNotFit) {
  const std::string executable = std::filesystem::read_symlink("/proc/self/exe").string();
  const std::string name = executable.substr(executable.rfind('/') + 1);
  char text[5];
  memset(text, 'x', sizeof(text));
  ReadExecutablePath(text, sizeof(text));
  EXPECT_EQ(std::string(text), executable.substr(0, 4));
  memset(text, 'x', sizeof(text));
  ReadProgramName(text, sizeof(text));
  EXPECT_EQ(std::string(text), name.substr(0, 4));
  memset(text, 'x', sizeof(text));
  ReadCommandLine(text, sizeof(text));
  EXPECT_EQ(text[4], '\0');
}

TEST(ProcessIdentity, HasTheNameOfTheLinkItWasStartedBy) {
  TemporaryDirectory directory;
  const std::string link = directory.File("redis-server");
  const std::string report = directory.File("report");
  std::filesystem::create_symlink(LIMPET_WITNESS, link);
  pid_t child = fork();
  if (child == 0) {
    execl(link.c_str(), "another name", report.c_str(), nullptr);
    _exit(127);
  }
  ASSERT_EQ(test::WaitFor(child), 0);
  auto saw = test::ReadWitnessReport(report);
  EXPECT_EQ(saw["name"], "redis-server");
  EXPECT_EQ(saw["executable"], LIMPET_WITNESS);
}

}  // namespace
}  // namespace limpet::sys
