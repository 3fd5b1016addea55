// What a program of one thread sees of calls that are system calls and no more.
//
//   results   their results and errors, then "ready"
//   cancel    it tells itself to end, and says where it does: "in read"
//   throw     a handler throws out of a wait, then "ready"
//   places    a system call is trapped twice, the second time beside another thread: each time the
//             name of the object whose code made it

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/preload/programs/ready.h"
#include "tests/preload/programs/stage.h"

namespace {

// `fails` with -1 and `error`, and sets errno only where it fails.
template <class Call>
void RequireError(int error, const char* what, Call fails) {
  errno = 0;
  Require(fails() == -1 && errno == error, what);
}
template <class Call>
void RequireResult(long result, const char* what, Call works) {
  errno = 1234;
  Require(works() == result && errno == 1234, what);
}

void CheckPipe() {
  int ends[2];
  Require(pipe2(ends, O_NONBLOCK) == 0, "a pipe");
  char bytes[4] = {};
  iovec parts[2] = {{bytes, 1}, {bytes + 1, 3}};
  RequireError(EAGAIN, "nothing to read", [&] { return read(ends[0], bytes, 4); });
  RequireError(EBADF, "no descriptor", [&] { return write(-1, bytes, 4); });
  RequireResult(3, "write", [&] { return write(ends[1], "abc", 3); });
  RequireResult(2, "read", [&] { return read(ends[0], bytes, 2); });
  Require(bytes[0] == 'a' && bytes[1] == 'b', "what was written is read");
  RequireResult(1, "readv", [&] { return readv(ends[0], parts, 2); });
  RequireResult(4, "writev", [&] { return writev(ends[1], parts, 2); });
  pollfd ready = {.fd = ends[0], .events = POLLIN, .revents = 0};
  RequireResult(1, "poll", [&] { return poll(&ready, 1, -1); });
  RequireResult(0, "close", [&] { return close(ends[0]); });
  RequireError(EBADF, "closed twice", [&] { return close(ends[0]); });
  close(ends[1]);
}

void CheckSockets() {
  int ends[2];
  Require(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0, "sockets");
  char bytes[4] = {};
  sockaddr_storage peer;
  socklen_t size = sizeof(peer);
  iovec part = {bytes, 4};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  RequireResult(4, "send", [&] { return send(ends[0], bytes, 4, 0); });
  RequireResult(4, "peek", [&] { return recv(ends[1], bytes, 4, MSG_PEEK); });
  RequireResult(4, "recvfrom", [&] {
    return recvfrom(ends[1], bytes, 4, 0, reinterpret_cast<sockaddr*>(&peer), &size);
  });
  RequireResult(4, "sendto", [&] { return sendto(ends[0], bytes, 4, 0, nullptr, 0); });
  RequireResult(4, "recvmsg", [&] { return recvmsg(ends[1], &message, 0); });
  RequireResult(4, "sendmsg", [&] { return sendmsg(ends[0], &message, 0); });
  RequireError(EOPNOTSUPP, "no connections", [&] { return accept4(ends[0], nullptr, nullptr, 0); });
  int epoll = epoll_create1(0);
  epoll_event event = {.events = EPOLLIN, .data = {}};
  epoll_ctl(epoll, EPOLL_CTL_ADD, ends[1], &event);
  RequireResult(1, "epoll_wait", [&] { return epoll_wait(epoll, &event, 1, -1); });
  close(ends[0]);
  close(ends[1]);
  close(epoll);
}

void CheckFiles() {
  char path[] = "/tmp/limpet-lone-waits-XXXXXX";
  Require(mkdtemp(path) != nullptr, "a directory");
  const int directory = open(path, O_RDONLY | O_DIRECTORY);
  umask(0);
  const int file = openat(directory, "file", O_RDWR | O_CREAT | O_EXCL, 0640);
  struct stat status;
  Require(file >= 0 && fstat(file, &status) == 0 && (status.st_mode & 0777) == 0640, "its mode");
  RequireResult(4, "pwrite", [&] { return pwrite(file, "abcd", 4, 2); });
  char byte = 0;
  RequireResult(1, "pread", [&] { return pread(file, &byte, 1, 3); });
  Require(byte == 'b', "from there");
  off_t at = 4;
  RequireResult(2, "sendfile", [&] { return sendfile(file, file, &at, 10); });
  const int unnamed = open(path, O_TMPFILE | O_WRONLY, 0604);
  if (unnamed >= 0)
    Require(fstat(unnamed, &status) == 0 && (status.st_mode & 0777) == 0604,
            "a mode without a name");
  RequireError(ENOENT, "no such file", [&] { return openat(directory, "other", O_RDONLY); });
  unlinkat(directory, "file", 0);
  rmdir(path);
}

void SayWhere(void*) { Say("in read"); }

// Deferred: not at once, but at the next call that is a cancellation point.
void CancelItself() {
  int ends[2];
  Require(pipe(ends) == 0 && write(ends[1], "a", 1) == 1, "a byte to read");
  pthread_cancel(pthread_self());
  pthread_cleanup_push(SayWhere, nullptr);
  char byte;
  const ssize_t bytes = read(ends[0], &byte, 1);
  Require(bytes == 1, "a byte");
  pthread_cleanup_pop(0);
  Say("behind read");
}

void ThrowOut(int) { throw 1; }

void ThrowOutOfRead() {
  int ends[2];
  Require(pipe(ends) == 0, "a pipe");
  struct sigaction action = {};
  action.sa_handler = ThrowOut;
  action.sa_flags = SA_NODEFER;
  sigaction(SIGALRM, &action, nullptr);
  alarm(1);
  bool is_caught = false;
  try {
    char byte;
    Require(read(ends[0], &byte, 1) == 0, "it does not return");
  } catch (int) {
    is_caught = true;
  }
  Require(is_caught, "what was thrown is caught");
}

// The kernel tells where a trapped call was made.
volatile const void* g_trapped_at;
void NoteTrap(int, siginfo_t* info, void*) { g_trapped_at = info->si_call_addr; }

void TrapRecvmsg() {
  struct sigaction action = {};
  action.sa_sigaction = NoteTrap;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSYS, &action, nullptr);
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_recvmsg, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter = {.len = sizeof(program) / sizeof(program[0]), .filter = program};
  Require(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no new rights");
  Require(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0, "a filter");
}

void SayWhoCalls() {
  recvmsg(-1, nullptr, 0);
  Dl_info object = {};
  Require(dladdr(const_cast<const void*>(g_trapped_at), &object) != 0, "its object");
  Say("%s", basename(object.dli_fname));
}

void* Pause(void*) {
  pause();
  return nullptr;
}

void SayPlaces() {
  TrapRecvmsg();
  SayWhoCalls();
  pthread_t other;
  Require(pthread_create(&other, nullptr, Pause, nullptr) == 0, "another thread");
  SayWhoCalls();
}

}  // namespace

int main(int, char** arguments) {
  if (IsMode(arguments[1], "throw")) {
    free(malloc(100));  // with each block recorded, there is a segment
    ThrowOutOfRead();
    signal(SIGALRM, SIG_DFL);
    StartWatchdog();
    Say("ready");
    while (true) UseBlock(nullptr);  // until the test is done with it
  }
  StartWatchdog();
  if (IsMode(arguments[1], "cancel")) {
    CancelItself();
    return 0;
  }
  if (IsMode(arguments[1], "places")) {
    SayPlaces();
    return 0;
  }
  CheckPipe();
  CheckSockets();
  CheckFiles();
  Ready();
}
