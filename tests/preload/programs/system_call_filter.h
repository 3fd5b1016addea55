// A filter of system calls as a careful program has it: what malloc, threads and forks need, and
// nothing else.
//
// Runs: traced programs of the tests.  Threads: one.  Allocates: no.
#pragma once

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

#include <iterator>

// sched_getaffinity: malloc asks how many arenas there may be. getrandom: its first thread's key.
inline constexpr int kAllowedCalls[] = {
    SYS_read,          SYS_write,           SYS_mmap,         SYS_munmap,
    SYS_mremap,        SYS_mprotect,        SYS_madvise,      SYS_brk,
    SYS_futex,         SYS_getpid,          SYS_gettid,       SYS_tgkill,
    SYS_clock_gettime, SYS_clock_nanosleep, SYS_rt_sigaction, SYS_rt_sigprocmask,
    SYS_rt_sigreturn,  SYS_set_robust_list, SYS_rseq,         SYS_sched_getaffinity,
    SYS_getrandom,     SYS_wait4,           SYS_exit,         SYS_exit_group,
    SYS_prctl,         SYS_seccomp};

// The program for `prctl` or `seccomp`; whatever is not allowed ends in `action`. Of clone only
// what makes threads and plain forks is; clone3, whose flags cannot be seen, is not known.
inline sock_fprog MakeFilter(unsigned action) {
  constexpr size_t kCalls = std::size(kAllowedCalls);
  static sock_filter filter[2 * kCalls + 16];
  unsigned short used = 0;
  auto add = [&](sock_filter step) { filter[used++] = step; };
  add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
  for (int call : kAllowedCalls) {
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1));
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }
  add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1));
  add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 38));
  add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 1, 0));
  add(BPF_STMT(BPF_RET | BPF_K, action));
  add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0])));
  add(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 2, 0));
  add(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_VM, 0, 1));
  add(BPF_STMT(BPF_RET | BPF_K, action));
  add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  return {used, filter};
}
