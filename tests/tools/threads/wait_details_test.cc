// Our own threads, in waits of which more can be told than a slot has room for.

#include "tools/threads/wait_details.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <thread>

#include "tests/support/temporary_directory.h"
#include "tools/threads/task_list.h"
#include "tools/threads/waited_descriptors.h"

namespace limpet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class BlockedThread {
 public:
  explicit BlockedThread(const std::function<void()>& block)
      : thread_([this, block] {
          id_ = static_cast<std::uint32_t>(gettid());
          block();
        }) {}
  ~BlockedThread() { thread_.join(); }

  // What is told of it once it is blocked in one of `calls`.
  ThreadRecord Details(std::initializer_list<std::int64_t> calls, ThreadRecord thread) const {
    const auto pid = static_cast<std::uint32_t>(getpid());
    while (id_ == 0) std::this_thread::yield();
    std::optional<TaskSyscall> call;
    while (!call.has_value() || std::find(calls.begin(), calls.end(), call->number) == calls.end())
      call = TaskFiles(pid, id_, "/proc").Syscall();
    RemoteMemory memory(pid);
    WaitDetails details(pid, "/proc", memory);
    details.Add(*call, thread);
    return thread;
  }

 private:
  std::atomic<std::uint32_t> id_ = 0;
  std::thread thread_;
};

class WaitDetailsTest : public ::testing::Test {
 protected:
  WaitDetailsTest() : wakeup_(eventfd(0, 0)) { EXPECT_EQ(pipe(ends_), 0); }
  ~WaitDetailsTest() override {
    for (const int file : {ends_[0], ends_[1], wakeup_}) close(file);
  }

  void Wake() const { EXPECT_EQ(write(ends_[1], "x", 1), 1); }

  static std::vector<std::int32_t> NumbersOf(const ThreadRecord& thread) {
    std::vector<std::int32_t> numbers;
    for (const OpenFile& file : thread.waited_files) numbers.push_back(file.descriptor);
    return numbers;
  }

  int ends_[2] = {};
  int wakeup_;
};

TEST_F(WaitDetailsTest, OfAPollNamesWhatItPolls) {
  pollfd files[] = {{wakeup_, POLLIN, 0}, {-1, POLLIN, 0}, {ends_[0], POLLIN, 0}};
  const BlockedThread blocked([&] { poll(files, 3, -1); });
  const ThreadRecord thread = blocked.Details({SYS_poll, SYS_ppoll}, {.reason = WaitReason::kPoll});
  EXPECT_THAT(NumbersOf(thread), ElementsAre(wakeup_, ends_[0]));
  EXPECT_THAT(thread.waited_files[1].target, HasSubstr("pipe:["));
  EXPECT_EQ(thread.other_waited_files, 0U);
  Wake();
}

TEST_F(WaitDetailsTest, OfASelectNameEachDescriptorOnce) {
  fd_set in, odd;
  FD_ZERO(&in);
  FD_SET(ends_[0], &in);
  FD_ZERO(&odd);
  FD_SET(ends_[0], &odd);
  FD_SET(wakeup_, &odd);
  const BlockedThread blocked([&] { select(ends_[0] + 1, &in, nullptr, &odd, nullptr); });
  const ThreadRecord thread =
      blocked.Details({SYS_select, SYS_pselect6}, {.reason = WaitReason::kPoll});
  EXPECT_THAT(NumbersOf(thread), ElementsAre(wakeup_, ends_[0]));
  Wake();
}

TEST_F(WaitDetailsTest, OfAnEpollNameWhatItHas) {
  const int epoll = epoll_create1(0);
  epoll_event event = {.events = EPOLLIN, .data = {}};
  for (const int file : {wakeup_, ends_[0]}) epoll_ctl(epoll, EPOLL_CTL_ADD, file, &event);
  const BlockedThread blocked([&] { epoll_wait(epoll, &event, 1, -1); });
  const ThreadRecord thread = blocked.Details({SYS_epoll_wait, SYS_epoll_pwait},
                                              {.reason = WaitReason::kPoll, .descriptor = epoll});
  EXPECT_THAT(NumbersOf(thread), ElementsAre(wakeup_, ends_[0]));
  Wake();
  close(epoll);
}

TEST_F(WaitDetailsTest, OfManyDescriptorsListTheFirstAndCountTheOthers) {
  std::vector<pollfd> files;
  for (int i = 0; i < 100; ++i) files.push_back({1000 + i, 0, 0});
  const TaskSyscall call{
      .number = SYS_poll,
      .arguments = {reinterpret_cast<std::uint64_t>(files.data()), files.size()}};
  RemoteMemory memory(static_cast<std::uint32_t>(getpid()));
  const WaitedDescriptors waited = ReadWaitedDescriptors(call, memory, "/proc/self");
  EXPECT_EQ(waited.listed.size(), kMaxListedDescriptors);
  EXPECT_EQ(waited.listed.front(), 1000);
  EXPECT_EQ(waited.others, 100 - kMaxListedDescriptors);
}

TEST_F(WaitDetailsTest, OfACallThatPointsNowhereAreNone) {
  RemoteMemory memory(static_cast<std::uint32_t>(getpid()));
  for (const std::int64_t number : {SYS_poll, SYS_select, SYS_epoll_wait}) {
    const TaskSyscall call{.number = number, .arguments = {~0ULL, ~0ULL, 16, 16, 16, 16}};
    EXPECT_TRUE(ReadWaitedDescriptors(call, memory, "/proc/self").listed.empty()) << number;
  }
}

TEST_F(WaitDetailsTest, OfAFifoSayThatItIsAPipe) {
  const TemporaryDirectory directory;
  const std::string path = directory.File("the.fifo");
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const int fifo = open(path.c_str(), O_RDWR);
  EXPECT_EQ(ReadDescriptorTarget(static_cast<std::uint32_t>(getpid()), fifo, "/proc"),
            "pipe:" + path);
  close(fifo);
}

TEST(EpollTargets, AreReadFromFdinfo) {
  EXPECT_THAT(ParseEpollTargets("pos:\t0\nflags:\t02\n"
                                "tfd:        4 events:       19 data: 4  pos:0 ino:c sdev:b\n"
                                "tfd: x\ntfd:\ntfd: -7 events: 1\ntfd:       12 events: 1\n"),
              ElementsAre(4, 12));
}

// A server that takes connections and says nothing.
class SilentServer {
 public:
  SilentServer() : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t bytes = sizeof(address_);
    EXPECT_EQ(bind(socket_, Address(), bytes), 0);
    EXPECT_EQ(listen(socket_, 10), 0);
    EXPECT_EQ(getsockname(socket_, Address(), &bytes), 0);
  }
  ~SilentServer() { close(socket_); }

  sockaddr* Address() { return reinterpret_cast<sockaddr*>(&address_); }
  std::string Name() const { return "127.0.0.1:" + std::to_string(ntohs(address_.sin_port)); }

 private:
  int socket_;
  sockaddr_in address_ = {};
};

TEST_F(WaitDetailsTest, OfASocketNameThePeerAndWhetherThereIsATimeout) {
  SilentServer server;
  for (const bool has_timeout : {false, true}) {
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    const timeval time = {.tv_sec = has_timeout ? 100 : 0, .tv_usec = 0};
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
    ASSERT_EQ(connect(client, server.Address(), sizeof(sockaddr_in)), 0);
    char byte = 0;
    const BlockedThread blocked([&] { recv(client, &byte, 1, 0); });
    const ThreadRecord thread =
        blocked.Details({SYS_recvfrom}, {.reason = WaitReason::kReceive, .descriptor = client});
    EXPECT_EQ(thread.peer, server.Name());
    EXPECT_EQ(thread.has_socket_timeout, has_timeout);
    shutdown(client, SHUT_RDWR);
    close(client);
  }
}

TEST_F(WaitDetailsTest, OfAnotherCallOnTheDescriptorTellNothing) {
  const BlockedThread blocked([&] {
    char byte = 0;
    EXPECT_EQ(read(ends_[0], &byte, 1), 1);
  });
  const ThreadRecord thread =
      blocked.Details({SYS_read}, {.reason = WaitReason::kReceive, .descriptor = wakeup_});
  EXPECT_EQ(thread.peer, "");
  EXPECT_FALSE(thread.has_socket_timeout.has_value());
  Wake();
}

TEST_F(WaitDetailsTest, OfABarrierCountWhoIsMissing) {
  pthread_barrier_t barrier;
  pthread_barrier_init(&barrier, nullptr, 4);
  const ThreadRecord at_barrier = {.reason = WaitReason::kBarrier,
                                   .object = reinterpret_cast<std::uint64_t>(&barrier)};
  for (int round = 0; round < 2; ++round) {
    const auto come = [&barrier] { pthread_barrier_wait(&barrier); };
    const BlockedThread first(come);
    EXPECT_EQ(first.Details({SYS_futex}, at_barrier).missing_arrivals, 3U);
    const BlockedThread second(come);
    EXPECT_EQ(second.Details({SYS_futex}, at_barrier).missing_arrivals, 2U);
    const BlockedThread third(come);
    EXPECT_EQ(third.Details({SYS_futex}, at_barrier).missing_arrivals, 1U);
    come();
  }
  pthread_barrier_destroy(&barrier);
}

TEST(SocketAddresses, AreWrittenWithoutWhatEndsAReason) {
  sockaddr_in6 six = {};
  six.sin6_family = AF_INET6;
  six.sin6_addr = in6addr_loopback;
  six.sin6_port = htons(443);
  EXPECT_EQ(FormatAddress(&six, sizeof(six)), "::1 port 443");
  EXPECT_EQ(FormatAddress(&six, 7), "");
  sockaddr_un local = {};
  local.sun_family = AF_UNIX;
  std::strcpy(local.sun_path, "/run/a,b (c)[d]\n");
  EXPECT_EQ(FormatAddress(&local, sizeof(local)), "/run/a_b__c__d__");
  EXPECT_EQ(FormatAddress(&local, sizeof(sa_family_t)), "") << "without a name";
  std::memcpy(local.sun_path, "\0abstract", 9);
  EXPECT_EQ(FormatAddress(&local, sizeof(sa_family_t) + 9), "@abstract");
  EXPECT_EQ(FormatAddress(&local, 1), "");
}

}  // namespace
}  // namespace limpet
