// Hooks that make a system call themselves, by a table instead of a function each.
//
//   read:  endbr64; lea LimpetKernelRead, %r8; jmp ─┐
//   recv:  endbr64; lea LimpetKernelRecv, %r8; jmp ─┼─▶ LimpetCallKernel: wait starts, system call
//   ...                                            ─┘   or libc's function, wait ends
//
// A server makes five such calls a request, and each time the kernel has pushed our code out of the
// nearest cache. So all of them share one piece of it, and the hook itself is one line.
//
// Only for calls of at most four words: the fifth register names the call. As the hook jumps, it
// has no frame, and the caller is that of LimpetCallKernel.
//
// Runs: target hot path (slow side).  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <sys/syscall.h>

#include "preload/kernel_function.h"
#include "runtime/sys/register_keeping_stub.h"

namespace limpet {

// What the first word is.
enum class FirstWord : std::uint8_t {
  kDescriptor,  // that is waited at
  kPath,        // which the kernel is given after AT_FDCWD, as libc does
  kOther,
};

struct alignas(64) KernelCall {
  KernelFunction<long (*)(long, long, long, long)> next;
  std::uint16_t number;
  FirstWord first;
  WaitReason reason;

  void Bind() { next.Bind(); }
};

}  // namespace limpet

// A line is: our name, libc's, the system call's number, the wait's reason and the first word.
#define LIMPET_KERNEL_CALL(name, symbol, number, reason, first)                              \
  extern "C" {                                                                               \
  [[gnu::visibility("hidden"), gnu::used]] constinit KernelCall LimpetKernel##name = {       \
      KernelFunction<long (*)(long, long, long, long)>(symbol), number, FirstWord::k##first, \
      WaitReason::k##reason};                                                                \
  }                                                                                          \
  LIMPET_NAMING_STUB(symbol, "LimpetKernel" #name, "LimpetCallKernel");

#define LIMPET_BIND_KERNEL_CALL(name, ...) LimpetKernel##name.Bind();
