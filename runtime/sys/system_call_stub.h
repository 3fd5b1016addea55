// The two bodies that a hook of syscall() needs, which no compiler may be trusted with: a seventh
// argument lies on the stack, if the caller gave one, so the hook must have no frame of its own
// when it goes on, and every register must be as it was.
//
//   syscall --number?--> SEEN                           (a function like any other)
//           '----------> *NEXT --at first--> resolver --> BIND, then *NEXT again
//
// Runs: target hot path.  Threads: any.  Allocates: never.
#pragma once

// Behind a declaration: the name that a stub calls it by.
#define LIMPET_STUB_NAME(name) __asm__(name)

#define LIMPET_TEXT_OF(word) #word
#define LIMPET_TEXT(word) LIMPET_TEXT_OF(word)

// Source: System V ABI AMD64, 3.2.3: integers in rdi rsi rdx rcx r8 r9, then the stack; al counts
// vector registers where the function has `...`.
//
// For functions that are [[gnu::naked]]; the names are assembler's.
#define LIMPET_SYSTEM_CALL_STUB(number, seen, next) \
  __asm__("cmpq $" LIMPET_TEXT(                     \
      number) ", %rdi\n"                            \
              "je " #seen                           \
              "\n"                                  \
              "jmp *" #next "(%rip)\n")

// Seven words keep the stack aligned for the call.
#define LIMPET_SYSTEM_CALL_RESOLVER(bind, next) \
  __asm__(                                      \
      "pushq %rdi\n"                            \
      "pushq %rsi\n"                            \
      "pushq %rdx\n"                            \
      "pushq %rcx\n"                            \
      "pushq %r8\n"                             \
      "pushq %r9\n"                             \
      "pushq %rax\n"                            \
      ".cfi_adjust_cfa_offset 56\n"             \
      "call " #bind                             \
      "\n"                                      \
      "popq %rax\n"                             \
      "popq %r9\n"                              \
      "popq %r8\n"                              \
      "popq %rcx\n"                             \
      "popq %rdx\n"                             \
      "popq %rsi\n"                             \
      "popq %rdi\n"                             \
      ".cfi_adjust_cfa_offset -56\n"            \
      "jmp *" #next "(%rip)\n")
