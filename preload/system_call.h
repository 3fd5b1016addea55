// libc's syscall() behind the hook, and the one call of it that needs another file's care.
//
// Runs: target hot path.  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

namespace limpet {

using Word = unsigned long;
using SyscallFunction = long (*)(long, Word, Word, Word, Word, Word, Word);

SyscallFunction NextSyscall();

// syscall(SYS_seccomp, ...), in sandbox_hooks.cc.
long Seccomp(Word operation, Word flags, Word filter);

}  // namespace limpet
