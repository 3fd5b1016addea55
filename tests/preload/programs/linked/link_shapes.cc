// Known sites in a program that the build links in several ways.

#include <stdlib.h>

#include "tests/preload/programs/stage.h"

// Without unwind tables: pushes and calls.
asm(R"(
  .text
  .globl BareAssembly
  .type BareAssembly, @function
BareAssembly:
  push %rbp
  mov %rsp, %rbp
  call *%rdi
  pop %rbp
  ret
  .size BareAssembly, .-BareAssembly
)");
extern "C" void BareAssembly(void (*function)());

namespace {

SITE void InnerSite(int count) {
  for (int i = 0; i < count; ++i) UseBlock(malloc(100));
  asm volatile("");
}

SITE void OuterSite(int count) {
  InnerSite(count);
  asm volatile("");
}

SITE void ByAssembly() {
  for (int i = 0; i < 6; ++i) UseBlock(malloc(60));
  asm volatile("");
}

// One function for a linker that folds what is equal.
SITE void TwinA() {
  for (int i = 0; i < 2; ++i) UseBlock(malloc(77));
}
SITE void TwinB() {
  for (int i = 0; i < 2; ++i) UseBlock(malloc(77));
}

}  // namespace

int main() {
  StartWatchdog();
  OuterSite(5);
  BareAssembly(ByAssembly);
  TwinA();
  TwinB();
  Say("ready");
  WaitForTest();
}
