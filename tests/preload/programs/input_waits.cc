// One thread in each of the calls that wait for the kernel: for bytes, signals, children, locks of
// files, messages.

#include <aio.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <threads.h>

#include "tests/preload/programs/waiter.h"

namespace {

char g_byte;
iovec g_vector = {&g_byte, 1};
constexpr timespec kMinutes = {.tv_sec = 100, .tv_nsec = 0};

// --- Descriptors ---

struct Pipe {
  int ends[2];
  Pipe() { Require(pipe(ends) == 0, "a pipe is made"); }
  // A full one, whose writer waits.
  static Pipe Full() {
    Pipe made;
    char page[4096] = {};
    fcntl(made.ends[1], F_SETFL, O_NONBLOCK);
    while (write(made.ends[1], page, sizeof(page)) > 0) continue;
    fcntl(made.ends[1], F_SETFL, 0);
    return made;
  }
};

struct Sockets {
  int ends[2];
  Sockets() { Require(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "sockets are made"); }
  static Sockets Full() {
    Sockets made;
    char page[4096] = {};
    while (send(made.ends[1], page, sizeof(page), MSG_DONTWAIT) > 0) continue;
    return made;
  }
};

Pipe g_empty_pipe;
Pipe g_full_pipe = Pipe::Full();
Sockets g_empty_sockets;
Sockets g_full_sockets = Sockets::Full();

SITE void Read() { WAIT_IN(g_empty_pipe.ends[0], read(g_empty_pipe.ends[0], &g_byte, 1)); }
SITE void Readv() { WAIT_IN(g_empty_pipe.ends[0], readv(g_empty_pipe.ends[0], &g_vector, 1)); }
SITE void Write() { WAIT_IN(g_full_pipe.ends[1], write(g_full_pipe.ends[1], &g_byte, 1)); }
SITE void Writev() { WAIT_IN(g_full_pipe.ends[1], writev(g_full_pipe.ends[1], &g_vector, 1)); }
SITE void Recv() { WAIT_IN(g_empty_sockets.ends[0], recv(g_empty_sockets.ends[0], &g_byte, 1, 0)); }
SITE void Recvfrom() {
  int fd = g_empty_sockets.ends[0];
  WAIT_IN(fd, recvfrom(fd, &g_byte, 1, 0, nullptr, nullptr));
}
SITE void Recvmsg() {
  msghdr message = {};
  message.msg_iov = &g_vector;
  message.msg_iovlen = 1;
  WAIT_IN(g_empty_sockets.ends[0], recvmsg(g_empty_sockets.ends[0], &message, 0));
}
SITE void Send() { WAIT_IN(g_full_sockets.ends[1], send(g_full_sockets.ends[1], &g_byte, 1, 0)); }
SITE void Sendto() {
  int fd = g_full_sockets.ends[1];
  WAIT_IN(fd, sendto(fd, &g_byte, 1, 0, nullptr, 0));
}
SITE void Splice() {
  Pipe out;
  WAIT_IN(out.ends[1], splice(g_empty_pipe.ends[0], nullptr, out.ends[1], nullptr, 1, 0));
}

// A server that takes nobody, and its address.
sockaddr_un g_address = {.sun_family = AF_UNIX, .sun_path = {}};
int MakeServer() {
  int server = socket(AF_UNIX, SOCK_STREAM, 0);
  snprintf(g_address.sun_path + 1, sizeof(g_address.sun_path) - 1, "limpet-%d", getpid());
  Require(bind(server, reinterpret_cast<sockaddr*>(&g_address), sizeof(g_address)) == 0, "bound");
  Require(listen(server, 0) == 0, "it listens");
  return server;
}
SITE void Accept() {
  int server = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un any = {.sun_family = AF_UNIX, .sun_path = {}};
  bind(server, reinterpret_cast<sockaddr*>(&any), sizeof(sa_family_t));
  listen(server, 0);
  WAIT_IN(server, accept(server, nullptr, nullptr));
}
SITE void Connect() {
  int client = socket(AF_UNIX, SOCK_STREAM, 0);
  auto* address = reinterpret_cast<const sockaddr*>(&g_address);
  WAIT_IN(client, connect(client, address, sizeof(g_address)));
}

// --- Polls ---

pollfd g_polled = {.fd = g_empty_pipe.ends[0], .events = POLLIN, .revents = 0};

SITE void Poll() { WAIT_IN(&g_polled, poll(&g_polled, 1, -1)); }
SITE void PollAWhile() { WAIT_IN(&g_polled, poll(&g_polled, 1, 100'000)); }
SITE void Ppoll() { WAIT_IN(&g_polled, ppoll(&g_polled, 1, &kMinutes, nullptr)); }
SITE void Select() {
  fd_set set;
  FD_ZERO(&set);
  FD_SET(g_empty_pipe.ends[0], &set);
  timeval time = {.tv_sec = 100, .tv_usec = 0};
  WAIT_IN(&set, select(g_empty_pipe.ends[0] + 1, &set, nullptr, nullptr, &time));
}
SITE void Pselect() {
  fd_set set;
  FD_ZERO(&set);
  FD_SET(g_empty_pipe.ends[0], &set);
  WAIT_IN(&set, pselect(g_empty_pipe.ends[0] + 1, &set, nullptr, nullptr, nullptr, nullptr));
}
SITE void EpollWait() {
  epoll_event event;
  int fd = epoll_create1(0);
  WAIT_IN(fd, epoll_wait(fd, &event, 1, -1));
}
SITE void EpollPwait() {
  epoll_event event;
  int fd = epoll_create1(0);
  WAIT_IN(fd, epoll_pwait(fd, &event, 1, 100'000, nullptr));
}

// --- Signals and children ---

sigset_t g_signals;

SITE void Sigwait() {
  int signal;
  WAIT_IN(nullptr, sigwait(&g_signals, &signal));
}
SITE void Sigwaitinfo() { WAIT_IN(nullptr, sigwaitinfo(&g_signals, nullptr)); }
SITE void Sigtimedwait() { WAIT_IN(nullptr, sigtimedwait(&g_signals, nullptr, &kMinutes)); }
SITE void Pause() { WAIT_IN(nullptr, pause()); }
SITE void Sigsuspend() { WAIT_IN(nullptr, sigsuspend(&g_signals)); }

pid_t g_child = 0;

SITE void Waitpid() { WAIT_IN(g_child, waitpid(g_child, nullptr, 0)); }
SITE void Waitid() {
  WAIT_IN(g_child, waitid(P_PID, static_cast<id_t>(g_child), nullptr, WEXITED));
}
SITE void WaitAny() { WAIT_IN(-1, wait(nullptr)); }
// Not the test's line, and its end comes with the program's.
SITE void System() {
  char command[64];
  snprintf(command, sizeof(command), "exec %d>&-; read line <&%d", g_empty_pipe.ends[1],
           g_empty_pipe.ends[0]);
  WAIT_IN(-1, system(command));
}

// --- Files ---

char g_file[64];
char g_fifo[64];

SITE void Flock() {
  int fd = open(g_file, O_RDWR);
  WAIT_IN(fd, flock(fd, LOCK_EX));
}
SITE void SetLock() {
  int fd = open(g_file, O_RDWR);
  struct flock lock = {
      .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0, .l_pid = 0};
  WAIT_IN(fd, fcntl(fd, F_SETLKW, &lock));
}
SITE void Lockf() {
  int fd = open(g_file, O_RDWR);
  WAIT_IN(fd, lockf(fd, F_LOCK, 0));
}
SITE void OpenFifo() { WAIT_IN(-1, open(g_fifo, O_RDONLY)); }

// Holds the locks of a process for as long as this one is there.
pid_t StartChild() {
  pid_t parent = getpid();
  pid_t child = fork();
  if (child != 0) return child;
  StartWatchdog();
  int fd = open(g_file, O_RDWR);
  if (lockf(fd, F_LOCK, 0) != 0) _exit(97);
  while (getppid() == parent) usleep(50'000);
  unlink(g_file);
  unlink(g_fifo);
  _exit(0);
}

// --- Streams ---

FILE* StreamOf(int descriptor) { return fdopen(descriptor, "r"); }

char g_line[64];

SITE void Fgets() {
  FILE* stream = StreamOf(Pipe().ends[0]);
  WAIT_IN(stream, fgets(g_line, sizeof(g_line), stream));
}
SITE void Fread() {
  FILE* stream = StreamOf(Pipe().ends[0]);
  WAIT_IN(stream, fread(g_line, 1, 10, stream));
}
SITE void Getc() {
  FILE* stream = StreamOf(Pipe().ends[0]);
  WAIT_IN(stream, getc(stream));
}
SITE void Getdelim() {
  FILE* stream = StreamOf(Pipe().ends[0]);
  char* line = nullptr;
  size_t room = 0;
  WAIT_IN(stream, getdelim(&line, &room, '\n', stream));
}
SITE void Fflush() {
  FILE* stream = fdopen(g_full_pipe.ends[1], "w");
  fputs("x", stream);
  WAIT_IN(stream, fflush(stream));
}

// --- Messages ---

int g_queue = msgget(IPC_PRIVATE, 0600);
int g_semaphores = semget(IPC_PRIVATE, 1, 0600);
mqd_t g_messages = -1;

SITE void Msgrcv() {
  struct {
    long kind;
    char text[8];
  } message;
  WAIT_IN(g_queue, msgrcv(g_queue, &message, sizeof(message.text), 0, 0));
}
SITE void Semop() {
  sembuf take = {.sem_num = 0, .sem_op = -1, .sem_flg = 0};
  WAIT_IN(g_semaphores, semop(g_semaphores, &take, 1));
}
SITE void MqReceive() {
  char message[64];
  WAIT_IN(g_messages, mq_receive(g_messages, message, sizeof(message), nullptr));
}
SITE void AioSuspend() {
  static aiocb request = {};
  request.aio_fildes = g_empty_pipe.ends[0];
  request.aio_buf = &g_byte;
  request.aio_nbytes = 1;
  Require(aio_read(&request) == 0, "a request is made");
  static const aiocb* const requests[] = {&request};
  WAIT_IN(requests, aio_suspend(requests, 1, nullptr));
}

// --- Once ---

pthread_once_t g_once = PTHREAD_ONCE_INIT;
once_flag g_flag = ONCE_FLAG_INIT;
constexpr long kForEver = 100;

SITE void InOnce() { WAIT_IN(nullptr, sleep(kForEver)); }
SITE void DoOnce() { pthread_once(&g_once, InOnce); }
SITE void WaitForOnce() {
  usleep(50'000);
  WAIT_IN(&g_once, pthread_once(&g_once, InOnce));
}
SITE void DoCallOnce() { call_once(&g_flag, InOnce); }
SITE void WaitForCallOnce() {
  usleep(50'000);
  WAIT_IN(&g_flag, call_once(&g_flag, InOnce));
}

struct SlowlyMade {
  SlowlyMade() { InOnce(); }
};
void Use(const SlowlyMade*) {}
void MakeStatic() {
  static SlowlyMade made;
  Use(&made);
}
SITE void WaitForStatic() {
  usleep(50'000);
  MakeStatic();
}

constexpr Waiter kWaiters[] = {
    {"read", Read},
    {"readv", Readv},
    {"write", Write},
    {"writev", Writev},
    {"recv", Recv},
    {"recvfrom", Recvfrom},
    {"recvmsg", Recvmsg},
    {"send", Send},
    {"sendto", Sendto},
    {"splice", Splice},
    {"accept", Accept},
    {"connect", Connect},
    {"poll", Poll},
    {"poll_a_while", PollAWhile},
    {"ppoll", Ppoll},
    {"select", Select},
    {"pselect", Pselect},
    {"epoll_wait", EpollWait},
    {"epoll_pwait", EpollPwait},
    {"sigwait", Sigwait},
    {"sigwaitinfo", Sigwaitinfo},
    {"sigtimedwait", Sigtimedwait},
    {"pause", Pause},
    {"sigsuspend", Sigsuspend},
    {"waitpid", Waitpid},
    {"waitid", Waitid},
    {"wait", WaitAny},
    {"system", System},
    {"flock", Flock},
    {"setlkw", SetLock},
    {"lockf", Lockf},
    {"open_fifo", OpenFifo},
    {"fgets", Fgets},
    {"fread", Fread},
    {"getc", Getc},
    {"getdelim", Getdelim},
    {"fflush", Fflush},
    {"msgrcv", Msgrcv},
    {"semop", Semop},
    {"mq_receive", MqReceive},
    {"aio_suspend", AioSuspend},
    {"does_once", DoOnce},
    {"waits_once", WaitForOnce},
    {"does_call_once", DoCallOnce},
    {"waits_call", WaitForCallOnce},
    {"makes_static", MakeStatic},
    {"waits_static", WaitForStatic},
};

}  // namespace

int main() {
  StartWatchdog();
  snprintf(g_file, sizeof(g_file), "/tmp/limpet-waits-%d", getpid());
  snprintf(g_fifo, sizeof(g_fifo), "/tmp/limpet-fifo-%d", getpid());
  int file = open(g_file, O_RDWR | O_CREAT, 0600);
  Require(mkfifo(g_fifo, 0600) == 0, "a FIFO is made");
  g_child = StartChild();
  usleep(50'000);
  flock(file, LOCK_EX);
  int server = MakeServer();
  // The server's queue holds one.
  int first = socket(AF_UNIX, SOCK_STREAM, 0);
  connect(first, reinterpret_cast<const sockaddr*>(&g_address), sizeof(g_address));
  char name[32];
  snprintf(name, sizeof(name), "/limpet-%d", getpid());
  mq_attr attributes = {};
  attributes.mq_maxmsg = 1;
  attributes.mq_msgsize = 64;
  g_messages = mq_open(name, O_RDWR | O_CREAT, 0600, &attributes);
  mq_unlink(name);
  sigemptyset(&g_signals);
  sigaddset(&g_signals, SIGURG);
  pthread_sigmask(SIG_BLOCK, &g_signals, nullptr);
  StartWaiters(kWaiters);
  Say("ready");
  WaitForTest();
  msgctl(g_queue, IPC_RMID, nullptr);
  semctl(g_semaphores, 0, IPC_RMID);
  unlink(g_file);
  unlink(g_fifo);
  close(server);
  _exit(0);
}
