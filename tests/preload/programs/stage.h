// What the watched programs share: words to the test, and the end of a program that hangs.
//
// Runs: traced programs of the tests.  Threads: any.  Allocates: no, a program's blocks are its
// own.
#pragma once

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// Kept out of line and never folded, so that its name stands in the stacks of what it allocates.
#define SITE [[gnu::noinline, gnu::noclone]]

inline constexpr unsigned kWatchdogSeconds = 60;

// A program that hangs dies of SIGALRM. A forked child has to say it again.
inline void StartWatchdog() { alarm(kWatchdogSeconds); }

[[gnu::format(printf, 1, 2)]] inline void Say(const char* format, ...) {
  char line[256];
  va_list arguments;
  va_start(arguments, format);
  int bytes = vsnprintf(line, sizeof(line) - 1, format, arguments);
  va_end(arguments);
  line[bytes++] = '\n';
  if (write(STDOUT_FILENO, line, static_cast<size_t>(bytes)) != bytes) _exit(99);
}

// Lets the test look at this process until it sends a line; ends where the test has ended.
inline void WaitForTest() {
  char line = 0;
  if (read(STDIN_FILENO, &line, 1) != 1) _exit(0);
}

// A fact that the program can see itself.
inline void Require(bool holds, const char* fact) {
  if (holds) return;
  char line[256];  // dprintf() may allocate, which may be what no longer works
  int bytes = snprintf(line, sizeof(line), "does not hold: %s\n", fact);
  if (write(STDERR_FILENO, line, static_cast<size_t>(bytes)) != bytes) _exit(99);
  _exit(98);
}

inline void UseBlock(void* block) {
  asm volatile("" : : "r"(block) : "memory");
  if (block != nullptr) *static_cast<volatile char*>(block) = 1;
}

inline bool IsMode(const char* argument, const char* mode) { return strcmp(argument, mode) == 0; }
