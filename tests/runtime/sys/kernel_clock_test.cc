#include "runtime/sys/kernel_clock.h"

#include <gtest/gtest.h>
#include <sys/auxv.h>

#include <fstream>
#include <string>


namespace limpet::sys {
namespace {

// Of a coarse one a system call may know a tick more than the vDSO.
constexpr clockid_t kClocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME};

std::uint64_t LibcClockNs(clockid_t clock) {
  timespec now = {};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

void ExpectToldAsByLibc() {
  for (const clockid_t clock : kClocks) {
    const std::uint64_t before_ns = LibcClockNs(clock);
    const std::uint64_t now_ns = KernelClockNs(clock);
    EXPECT_LE(before_ns, now_ns) << clock;
    EXPECT_LE(now_ns, LibcClockNs(clock)) << clock;
  }
}

// "7ffd0aa00000-7ffd0aa02000 r-xp ... [vdso]"
bool IsInVdso(ClockFunction function) {
  const auto address = reinterpret_cast<std::uint64_t>(function);
  std::ifstream mappings("/proc/self/maps");
  for (std::string line; std::getline(mappings, line);) {
    if (line.find("[vdso]") == std::string::npos) continue;
    const std::uint64_t low = std::stoull(line, nullptr, 16);
    const std::uint64_t high = std::stoull(line.substr(line.find('-') + 1), nullptr, 16);
    return low <= address && address < high;
  }
  return false;
}

TEST(KernelClock, TellsTheTimeBeforeAndAfterItIsBound) {
  ExpectToldAsByLibc();
  BindKernelClock();
  ExpectToldAsByLibc();
}

TEST(KernelClock, IsAtMostATickBehindWhereItIsCoarse) {
  BindKernelClock();
  constexpr std::uint64_t kTickOfAHeldUpMachineNs = 1'000'000'000;
  const std::uint64_t before_ns = LibcClockNs(CLOCK_MONOTONIC);
  EXPECT_GE(CoarseMonotonicNs() + kTickOfAHeldUpMachineNs, before_ns);
  EXPECT_LE(CoarseMonotonicNs(), LibcClockNs(CLOCK_MONOTONIC));
}

TEST(KernelClock, IsTheVdsoWhereThereIsOne) {
  BindKernelClock();
  EXPECT_EQ(IsInVdso(g_kernel_clock.load()), getauxval(AT_SYSINFO_EHDR) != 0);
}

}  // namespace
}  // namespace limpet::sys
