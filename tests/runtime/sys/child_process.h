// Runs a body in a forked child: for what would end, limit or rearrange the test's own process.
//
// Runs: tests.  Threads: one, since only the forking one lives on.  Allocates: yes.
#pragma once

#include <errno.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

namespace limpet::test {

// Exit code of the child, or minus the signal that killed it.
inline int WaitFor(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

// Fails where an expectation failed in the child, which says so itself, or a signal killed it.
template <class Body>
void ExpectInChild(Body body) {
  fflush(nullptr);
  pid_t child = fork();
  if (child == 0) {
    body();
    fflush(nullptr);
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  EXPECT_EQ(WaitFor(child), 0) << "in a forked child";
}

}  // namespace limpet::test
