#include "tools/reader/memory_limit.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temporary_directory.h"

namespace limpet {
namespace {

// A machine's /proc and /sys/fs/cgroup, as files.
class Machine : public ::testing::Test {
 protected:
  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_.path() + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

  void MountVersion2(const std::string& top = "/") {
    Write("/proc/self/mountinfo", "30 23 0:26 " + top +
                                      " /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"
                                      "31 23 0:27 / /tmp rw - tmpfs tmpfs rw\n");
  }

  void Cgroup2(const std::string& path, const std::string& max, const std::string& current,
               const std::string& inactive = "0") {
    const std::string folder = "/sys/fs/cgroup" + path;
    Write(folder + "/memory.max", max + "\n");
    Write(folder + "/memory.current", current + "\n");
    Write(folder + "/memory.stat", "anon 1\ninactive_file " + inactive + "\nactive_file 7\n");
  }

  std::optional<MemoryLimit> Read() const { return ReadMemoryLimit("42", root_.path()); }

  TemporaryDirectory root_;
};

TEST_F(Machine, WithoutCgroupsHasNoLimit) { EXPECT_FALSE(Read().has_value()); }

TEST_F(Machine, GivesTheLimitOfVersion2) {
  MountVersion2();
  Write("/proc/42/cgroup", "0::/app\n");
  Cgroup2("/app", "1000", "900", "300");
  ASSERT_TRUE(Read().has_value());
  EXPECT_EQ(Read()->limit_bytes, 1000u);
  EXPECT_EQ(Read()->used_bytes, 600u);
  EXPECT_EQ(Read()->RoomBytes(), 400u);
}

TEST_F(Machine, TakesTheTightestOfAllAncestors) {
  MountVersion2();
  Write("/proc/42/cgroup", "0::/slice/app\n");
  Cgroup2("/slice/app", "1000", "100");
  Cgroup2("/slice", "2000", "1900");
  Cgroup2("", "max", "5000");
  EXPECT_EQ(Read()->limit_bytes, 2000u);
}

TEST_F(Machine, WithoutANumberHasNoLimit) {
  MountVersion2();
  Write("/proc/42/cgroup", "0::/app\n");
  Cgroup2("/app", "max", "900");
  EXPECT_FALSE(Read().has_value());
}

TEST_F(Machine, KnowsAContainersOwnTop) {
  MountVersion2("/docker/c0ffee");
  Write("/proc/42/cgroup", "0::/docker/c0ffee/app\n");
  Cgroup2("/app", "1000", "900");
  EXPECT_EQ(Read()->limit_bytes, 1000u);
}

TEST_F(Machine, PrefersTheMemoryControllerOfVersion1) {
  Write("/proc/self/mountinfo",
        "30 23 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
        "32 23 0:28 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n"
        "33 23 0:29 / /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw,cpu\n");
  Write("/proc/42/cgroup", "5:cpu:/elsewhere\n4:memory:/app\n0::/unified\n");
  Write("/sys/fs/cgroup/memory/app/memory.limit_in_bytes", "5000\n");
  Write("/sys/fs/cgroup/memory/app/memory.usage_in_bytes", "4000\n");
  Write("/sys/fs/cgroup/memory/app/memory.stat", "inactive_file 1\ntotal_inactive_file 500\n");
  Write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  Write("/sys/fs/cgroup/memory/memory.usage_in_bytes", "4000\n");
  ASSERT_TRUE(Read().has_value());
  EXPECT_EQ(Read()->limit_bytes, 5000u);
  EXPECT_EQ(Read()->used_bytes, 3500u);
}

TEST_F(Machine, BelievesNoMoreReclaimableThanIsCharged) {
  MountVersion2();
  Write("/proc/42/cgroup", "0::/app\n");
  Cgroup2("/app", "1000", "100", "300");
  EXPECT_EQ(Read()->used_bytes, 0u);
}

TEST_F(Machine, WithACgroupThatIsNoPathHasThatOfTheTop) {
  MountVersion2();
  Write("/proc/42/cgroup", "0::app\n");
  Cgroup2("", "1000", "900");
  ASSERT_TRUE(Read().has_value());
  EXPECT_EQ(Read()->limit_bytes, 1000u);
}

TEST_F(Machine, ThatIsHostileHasNoLimit) {
  Write("/proc/self/mountinfo", "- cgroup2\n\n 1 2 - \n - - - -");
  Write("/proc/42/cgroup", ":::::\n0:\n");
  EXPECT_FALSE(Read().has_value());
}

}  // namespace
}  // namespace limpet
