// Where a longjmp leads, and how a hook of it leaves no trace on the way.
//
// Source: glibc, sysdeps/x86_64/jmpbuf-offsets.h (JB_RSP), sysdep.h (PTR_DEMANGLE). Old enough to
// be part of the interface in all but name.
//
// Runs: target hot path.  Threads: own thread; async-signal-safe.  Allocates: never.
#pragma once

#include <cstdint>

namespace limpet::sys {

// The stack pointer that a jmp_buf or sigjmp_buf holds.
inline std::uint64_t StackPointerOf(const std::uint64_t* jump_buffer) {
  constexpr int kStackPointer = 6;
  std::uint64_t pointer = jump_buffer[kStackPointer];
  __asm__("ror $17, %0\n\txor %%fs:0x30, %0" : "+r"(pointer) : : "cc");
  return pointer;
}

// Defines the exported function `name`(buffer, value): calls `before`(buffer, which), which gives
// the real function, and jumps there with the arguments that it was given.
#define LIMPET_JUMP_STUB(name, which, before)                                                   \
  __asm__(".pushsection .text,\"ax\",@progbits\n\t.p2align 4\n\t.globl " name "\n\t.type " name \
          ", @function\n" name                                                                  \
          ":\n\t.cfi_startproc\n\tendbr64\n\t"                                                  \
          "pushq %rdi\n\t.cfi_adjust_cfa_offset 8\n\t"                                          \
          "pushq %rsi\n\t.cfi_adjust_cfa_offset 8\n\t"                                          \
          "subq $8, %rsp\n\t.cfi_adjust_cfa_offset 8\n\t"                                       \
          "movl $" #which ", %esi\n\tcall " before                                              \
          "\n\t"                                                                                \
          "addq $8, %rsp\n\t.cfi_adjust_cfa_offset -8\n\t"                                      \
          "popq %rsi\n\t.cfi_adjust_cfa_offset -8\n\t"                                          \
          "popq %rdi\n\t.cfi_adjust_cfa_offset -8\n\t"                                          \
          "jmp *%rax\n\t.cfi_endproc\n\t.size " name ", .-" name "\n\t.popsection")

}  // namespace limpet::sys
