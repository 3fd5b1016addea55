// Functions of the program's that are passed on with every register and the stack as they came:
// what a C wrapper would change is part of some calls (clone's stack, a seventh argument).
//
// Runs: target hot path.  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

// Defines the exported function `name`(number, ...): three of its first arguments lead to the
// function `slow`, all others to the function that `next` points to. All are names of symbols.
// Until `next` is known it leads to `name`_unbound, which has `bind` set it.
#define LIMPET_DISPATCH_STUB(name, first, second, third, slow, next, bind) \
  __asm__(                                                                 \
      ".pushsection .text,"                                                \
      "\"ax\",@progbits\n\t.p2align 4\n\t"                                 \
      ".globl " name "\n\t.type " name ", @function\n" name                \
      ":\n\t.cfi_startproc\n\t"                                            \
      "endbr64\n\t"                                                        \
      "cmpq $" #first ", %rdi\n\tje " slow                                 \
      "\n\t"                                                               \
      "cmpq $" #second ", %rdi\n\tje " slow                                \
      "\n\t"                                                               \
      "cmpq $" #third ", %rdi\n\tje " slow                                 \
      "\n\t"                                                               \
      "cmpq $0, " next                                                     \
      "(%rip)\n\tje 1f\n\t"                                                \
      "jmp *" next                                                         \
      "(%rip)\n1:\t"                                                       \
      "pushq %rdi\n\t.cfi_adjust_cfa_offset 8\n\t"                         \
      "pushq %rsi\n\t.cfi_adjust_cfa_offset 8\n\t"                         \
      "pushq %rdx\n\t.cfi_adjust_cfa_offset 8\n\t"                         \
      "pushq %rcx\n\t.cfi_adjust_cfa_offset 8\n\t"                         \
      "pushq %r8\n\t.cfi_adjust_cfa_offset 8\n\t"                          \
      "pushq %r9\n\t.cfi_adjust_cfa_offset 8\n\t"                          \
      "subq $8, %rsp\n\t.cfi_adjust_cfa_offset 8\n\t"                      \
      "call " bind                                                         \
      "\n\t"                                                               \
      "addq $8, %rsp\n\t.cfi_adjust_cfa_offset -8\n\t"                     \
      "popq %r9\n\t.cfi_adjust_cfa_offset -8\n\t"                          \
      "popq %r8\n\t.cfi_adjust_cfa_offset -8\n\t"                          \
      "popq %rcx\n\t.cfi_adjust_cfa_offset -8\n\t"                         \
      "popq %rdx\n\t.cfi_adjust_cfa_offset -8\n\t"                         \
      "popq %rsi\n\t.cfi_adjust_cfa_offset -8\n\t"                         \
      "popq %rdi\n\t.cfi_adjust_cfa_offset -8\n\t"                         \
      "jmp *" next                                                         \
      "(%rip)\n\t"                                                         \
      ".cfi_endproc\n\t.size " name ", .-" name "\n\t.popsection")

// Defines the exported function `name`: a jump to the function `common`, which finds the address of
// `object` behind the four words that `name` was given at most. They lie on one page, where
// `common` is marked as hot.
#define LIMPET_NAMING_STUB(name, object, common)            \
  __asm__(                                                  \
      ".pushsection .text.hot,"                             \
      "\"ax\",@progbits\n\t.p2align 4\n\t"                  \
      ".globl " name "\n\t.type " name ", @function\n" name \
      ":\n\t.cfi_startproc\n\t"                             \
      "endbr64\n\t"                                         \
      "leaq " object                                        \
      "(%rip), %r8\n\t"                                     \
      "jmp " common                                         \
      "\n\t"                                                \
      ".cfi_endproc\n\t.size " name ", .-" name "\n\t.popsection")
