#include "tools/reader/process_end.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/support/kernel_version.h"
#include "tests/support/temporary_directory.h"
#include "tools/reader/process_facts.h"

namespace limpet {
namespace {

// A child that has ended by `way`: a signal, or -status.
class EndedChild {
 public:
  explicit EndedChild(int way) : pid_(fork()) {
    if (pid_ == 0) {
      if (way <= 0) _exit(-way);
      signal(way, SIG_DFL);
      raise(way);
    }
    descriptor_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    pollfd end = {descriptor_, POLLIN, 0};
    EXPECT_EQ(poll(&end, 1, 10'000), 1);
    name_ = {static_cast<std::uint32_t>(pid_), ReadProcess(name().pid)->start_ticks};
  }
  ~EndedChild() {
    Reap();
    close(descriptor_);
  }
  EndedChild(const EndedChild&) = delete;
  EndedChild& operator=(const EndedChild&) = delete;

  SegmentName name() const { return {static_cast<std::uint32_t>(pid_), name_.start_ticks}; }
  std::uint32_t Read() const { return ReadEndStatus(descriptor_, name()); }
  void Reap() const { waitpid(pid_, nullptr, 0); }

 private:
  pid_t pid_;
  int descriptor_ = -1;
  SegmentName name_;
};

TEST(ProcessEnd, IsReadOfOneThatNobodyHasReaped) {
  EXPECT_EQ(DescribeEnd({EndedChild(SIGKILL).Read()}), "killed by SIGKILL");
  EXPECT_EQ(DescribeEnd({EndedChild(SIGTERM).Read()}), "killed by SIGTERM");
  EXPECT_EQ(DescribeEnd({EndedChild(-3).Read()}), "exit status 3");
}

TEST(ProcessEnd, IsReadOfOneThatWasReaped) {
  if (!TellsTheEndOfTheReaped()) GTEST_SKIP() << "this kernel does not tell";
  for (int way : {int{SIGKILL}, -3}) {
    const EndedChild child(way);
    child.Reap();
    const std::uint32_t expected = way > 0 ? SIGKILL : static_cast<std::uint32_t>(-way) << 8;
    EXPECT_EQ(child.Read(), expected);
  }
}

TEST(ProcessEnd, IsNotThatOfAnotherWithThePid) {
  const TemporaryDirectory proc;
  std::filesystem::create_directories(proc.File("42"));
  std::ofstream(proc.File("42/stat")) << "42 (a b) Z 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 555 0 0 "
                                         "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 "
                                         "0 0 0 0 0 0 0 0 0 0 9\n";
  EXPECT_EQ(ReadEndStatus(-1, {42, 555}, proc.path()), 9U);
  EXPECT_EQ(ReadEndStatus(-1, {42, 556}, proc.path()), 0U);
  EXPECT_EQ(ReadEndStatus(-1, {43, 555}, proc.path()), 0U);
}

TEST(ProcessEnd, IsToldInWords) {
  EXPECT_EQ(DescribeEnd({}), "");
  EXPECT_EQ(DescribeEnd({.status = 9, .oom_kills = 1}),
            "killed by SIGKILL; its cgroup counted an OOM kill");
  EXPECT_EQ(DescribeEnd({.oom_kills = 2}),
            "its cgroup counted 2 OOM kills (dumps of limpet go first)");
  EXPECT_EQ(DescribeEnd({.status = 11 | 0x80, .oom_kills = 1}), "killed by SIGSEGV")
      << "another of the cgroup was killed for memory";
  EXPECT_EQ(DescribeEnd({.status = 3 << 8, .oom_kills = 1}), "exit status 3");
}

}  // namespace
}  // namespace limpet
