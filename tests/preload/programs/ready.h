// How a watched program lets the test look at it: it says "ready" and waits for a line.
#pragma once

#include <unistd.h>

inline void Ready() {
  char line = 0;
  if (write(STDOUT_FILENO, "ready\n", 6) != 6) _exit(99);
  if (read(STDIN_FILENO, &line, 1) != 1) _exit(0);
}
