#include "runtime/sys/kernel_clock.h"

#include <elf.h>
#include <gtest/gtest.h>
#include <sys/auxv.h>

#include <cstring>
#include <fstream>
#include <string>

namespace limpet::sys {
namespace {

// That nobody sets. Of a coarse one a system call may know a tick more than the vDSO.
constexpr clockid_t kClocks[] = {CLOCK_MONOTONIC, CLOCK_BOOTTIME};

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

// An image with one symbol, linked for `linked_for`, wherever it lies.
struct Vdso {
  explicit Vdso(std::uint64_t linked_for, const char* symbol = "__vdso_clock_gettime") {
    memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_phoff = offsetof(Vdso, segments);
    header.e_phnum = 2;
    segments[0].p_type = PT_LOAD;
    segments[0].p_vaddr = linked_for;
    segments[0].p_memsz = sizeof(Vdso);
    segments[1].p_type = PT_DYNAMIC;
    segments[1].p_offset = offsetof(Vdso, dynamic);
    dynamic[0] = {DT_SYMTAB, {linked_for + offsetof(Vdso, symbols)}};
    dynamic[1] = {DT_STRTAB, {linked_for + offsetof(Vdso, names)}};
    dynamic[2] = {DT_HASH, {linked_for + offsetof(Vdso, hash)}};
    symbols[1].st_name = 1;
    symbols[1].st_shndx = 1;
    symbols[1].st_value = linked_for + offsetof(Vdso, code);
    strcpy(names + 1, symbol);
  }
  ClockFunction Find() const { return FindKernelClock(reinterpret_cast<std::uint64_t>(this)); }

  Elf64_Ehdr header = {};
  Elf64_Phdr segments[2] = {};
  Elf64_Dyn dynamic[4] = {};
  Elf64_Sym symbols[2] = {};
  std::uint32_t hash[2] = {1, 2};
  char names[64] = {};
  unsigned char code[16] = {};
};

TEST(KernelClock, IsFoundWhereverTheVdsoIsLinkedFor) {
  for (const std::uint64_t linked_for : {std::uint64_t{0}, ~std::uint64_t{0x8fffff}}) {
    const Vdso vdso(linked_for);
    EXPECT_EQ(reinterpret_cast<const unsigned char*>(vdso.Find()), vdso.code) << linked_for;
  }
}

TEST(KernelClock, IsNotFoundWhereItIsNot) {
  EXPECT_EQ(FindKernelClock(0), nullptr);
  EXPECT_EQ(Vdso(0, "__vdso_time").Find(), nullptr);
  Vdso outside(0);
  outside.symbols[1].st_value = sizeof(Vdso);
  EXPECT_EQ(outside.Find(), nullptr);
  Vdso damaged(0);
  damaged.header.e_ident[1] = 'X';
  EXPECT_EQ(damaged.Find(), nullptr);
  Vdso bare(0);
  bare.header.e_phnum = 1;
  EXPECT_EQ(bare.Find(), nullptr) << "without a dynamic section";
}

}  // namespace
}  // namespace limpet::sys
