#include "tools/watch/request_waiter.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "runtime/layout/segment.h"

namespace limpet {
namespace {

constexpr std::size_t kMaxWords = FUTEX_WAITV_MAX - 1;  // one is ours

std::uint64_t AddressOf(const void* address) { return reinterpret_cast<std::uint64_t>(address); }

futex_waitv Wait(const void* address, std::uint32_t seen) {
  return {.val = seen, .uaddr = AddressOf(address), .flags = FUTEX_32, .__reserved = 0};
}

// nullptr: it cannot be mapped, and is looked at each second instead.
const void* MapHeader(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return nullptr;
  const void* const page = mmap(nullptr, kSegmentPageBytes, PROT_READ, MAP_SHARED, descriptor, 0);
  close(descriptor);
  return page == MAP_FAILED ? nullptr : page;
}

const void* RequestsIn(const void* page) {
  return static_cast<const char*>(page) + offsetof(SegmentHeader, dump_requests);
}

void Unmap(const void* page) { munmap(const_cast<void*>(page), kSegmentPageBytes); }

}  // namespace

RequestWaiter::RequestWaiter()
    : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), thread_([this] { Run(); }) {}

RequestWaiter::~RequestWaiter() {
  is_leaving_ = true;
  Interrupt();
  thread_.join();
  for (const Word& word : words_) Unmap(word.page);
  close(event_);
}

void RequestWaiter::Await(const std::vector<AwaitedRequests>& requests) {
  std::vector<Word> words;
  for (const AwaitedRequests& request : requests) {
    const void* const page = words.size() < kMaxWords ? MapHeader(request.path) : nullptr;
    if (page != nullptr) words.push_back({request.path, page, request.seen});
  }
  {
    const std::lock_guard lock(mutex_);
    words_.swap(words);
  }
  Interrupt();
  // The kernel knows a word that is waited on by its file; its address may go.
  for (const Word& word : words) Unmap(word.page);
}

void RequestWaiter::Clear() const {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = read(event_, &count, sizeof(count));
}

void RequestWaiter::Notify() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(event_, &one, sizeof(one));
}

void RequestWaiter::Interrupt() {
  turn_.fetch_add(1);
  syscall(SYS_futex, &turn_, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

// False: this kernel cannot.
bool RequestWaiter::WaitOnce() {
  const std::uint32_t turn = turn_.load();
  std::vector<futex_waitv> waits = {Wait(&turn_, turn)};
  {
    const std::lock_guard lock(mutex_);
    for (const Word& word : words_) waits.push_back(Wait(RequestsIn(word.page), word.seen));
  }
  const long woken = syscall(SYS_futex_waitv, waits.data(), waits.size(), 0, nullptr, 0);
  // A filter of a container may refuse it with any error.
  const bool is_usual = woken >= 0 || errno == EAGAIN || errno == EINTR || errno == EFAULT;
  if (!is_usual) return false;
  if (turn_.load() != turn || (woken < 0 && errno == EINTR)) return true;
  // A request, or a page that its owner cut off: either is for the watcher to look at, which then
  // tells us anew what to wait for.
  Notify();
  while (turn_.load() == turn) {
    syscall(SYS_futex, &turn_, FUTEX_WAIT, turn, nullptr, nullptr, 0);
  }
  return true;
}

void RequestWaiter::Run() {
  // Signals are the watcher's.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  while (!is_leaving_ && WaitOnce()) {
  }
}

}  // namespace limpet
