#include "tools/reader/oom_kills.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temporary_directory.h"

namespace limpet {
namespace {

// A machine's /proc and /sys/fs/cgroup, as files.
class OomKillsOf42 : public ::testing::Test {
 protected:
  void Write(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = root_.path() + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

  void MountVersion2() const {
    Write("/proc/self/mountinfo", "30 23 0:26 / /cg rw - cgroup2 cgroup2 rw\n");
  }

  void Events(const std::string& cgroup, int kills) const {
    Write("/cg" + cgroup + "/memory.events",
          "low 0\noom 7\noom_kill " + std::to_string(kills) + "\noom_group_kill 5\n");
  }

  // At a second after the last look, or at so many.
  void Look(std::uint64_t seconds = 1) {
    now_ns_ += seconds * 1'000'000'000;
    kills_.Look(42, now_ns_, root_.path());
  }

  void Stat(const std::string& flags) const {
    Write("/proc/42/stat",
          "42 (a b) R 1 1 1 0 -1 " + flags + " 1 1 1 1 1 1 1 1 20 0 1 0 987654 1 1\n");
  }

  TemporaryDirectory root_;
  OomKills kills_;
  std::uint64_t now_ns_ = 0;
};

TEST_F(OomKillsOf42, AreThoseSinceAMomentBeforeTheLastLook) {
  MountVersion2();
  Write("/proc/42/cgroup", "0::/app\n");
  Events("/app", 3);
  Look();
  EXPECT_EQ(kills_.Count(), 0U);
  Events("/app", 4);
  EXPECT_EQ(kills_.Count(), 1U);
  Look();
  EXPECT_EQ(kills_.Count(), 1U) << "the kernel tears it down meanwhile";
  Look(9);
  EXPECT_EQ(kills_.Count(), 1U);
  Look(2);
  EXPECT_EQ(kills_.Count(), 0U) << "it would be dead by now";
}

TEST_F(OomKillsOf42, AreKnownWhereTheCgroupIsGoneWithIt) {
  MountVersion2();
  Write("/proc/42/cgroup", "0::/app\n");
  Events("/app", 3);
  Look();
  Events("/app", 4);
  Look();
  std::filesystem::remove_all(root_.path() + "/cg/app");
  EXPECT_EQ(kills_.Count(), 1U);
}

TEST_F(OomKillsOf42, AreCountedWhereItWasWhileItEnds) {
  Write("/proc/self/mountinfo", "32 23 0:28 / /mem rw - cgroup cgroup rw,memory\n");
  Write("/mem/memory.oom_control", "oom_kill 10\n");
  Write("/mem/app/memory.oom_control", "oom_kill 1\n");
  Write("/proc/42/cgroup", "4:memory:/app\n");
  Stat("4194304");
  Look();
  Write("/mem/app/memory.oom_control", "oom_kill 2\n");
  Write("/proc/42/cgroup", "4:memory:/\n");
  Stat("4194308");  // PF_EXITING
  Look();
  EXPECT_EQ(kills_.Count(), 1U);
  std::filesystem::remove(root_.path() + "/proc/42/cgroup");  // it is reaped
  Look();
  EXPECT_EQ(kills_.Count(), 1U);
}

TEST_F(OomKillsOf42, AreCountedWhereItIsNow) {
  MountVersion2();
  Write("/proc/42/cgroup", "0::/app\n");
  Events("/app", 3);
  Look();
  Write("/proc/42/cgroup", "0::/other\n");
  Events("/other", 10);
  Look();
  EXPECT_EQ(kills_.Count(), 0U);
  Events("/other", 12);
  std::filesystem::remove(root_.path() + "/proc/42/cgroup");  // it is dead
  EXPECT_EQ(kills_.Count(), 2U);
}

TEST_F(OomKillsOf42, AreCountedByVersion1) {
  Write("/proc/self/mountinfo", "32 23 0:28 / /mem rw - cgroup cgroup rw,memory\n");
  Write("/proc/42/cgroup", "4:memory:/app\n");
  Write("/mem/app/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
  Look();
  Write("/mem/app/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
  EXPECT_EQ(kills_.Count(), 1U);
}

TEST_F(OomKillsOf42, AreNoneWhereNobodyCounts) {
  EXPECT_EQ(kills_.Count(), 0U);
  Look();
  EXPECT_EQ(kills_.Count(), 0U);
  MountVersion2();
  Write("/proc/42/cgroup", "0::/app\n");
  Look();
  Events("/app", 3);
  EXPECT_EQ(kills_.Count(), 0U) << "of before its first look nothing is known";
}

}  // namespace
}  // namespace limpet
