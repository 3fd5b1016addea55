// Wakes the watcher when a watched process has got its dump signal.
//
// The target's handler only wakes a futex word in its segment: that needs no descriptor and works
// in a chroot. A thread waits on the words of all segments at once (futex_waitv, Linux 5.16) and
// writes to an eventfd, which poll() understands. Where the kernel has no futex_waitv, or more
// segments than it takes, the watcher sees requests at its next look, a second later at most.
//
// The header pages are mapped, but only the kernel touches them: a file that its owner cuts makes
// the wait fail, where a load would raise SIGBUS.
//
// Runs: companion.  Threads: one of its own; the rest is the watcher's.  Allocates: yes.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace limpet {

// A word of a segment, and what it was when it was last looked at.
struct AwaitedRequests {
  std::string path;
  std::uint32_t seen = 0;
  std::uint64_t made_ns = 0;  // after an exec it is another file

  bool operator==(const AwaitedRequests&) const = default;
};

class RequestWaiter {
 public:
  RequestWaiter();
  ~RequestWaiter();
  RequestWaiter(const RequestWaiter&) = delete;
  RequestWaiter& operator=(const RequestWaiter&) = delete;

  // Readable once a word has changed. The reader clears it.
  int descriptor() const { return event_; }
  void Clear() const;

  // From now on these; the words of before are let go.
  void Await(const std::vector<AwaitedRequests>& requests);

 private:
  struct Word {
    std::string path;
    const void* page = nullptr;
    std::uint32_t seen = 0;
  };

  void Run();
  void Interrupt();
  bool WaitOnce();
  void Notify() const;

  int event_;
  std::mutex mutex_;                     // of the words
  std::vector<Word> words_;              // a page stays mapped as long as its word is here
  std::atomic<std::uint32_t> turn_ = 0;  // bumped to make the thread look at the words again
  std::atomic<bool> is_leaving_ = false;
  std::thread thread_;
};

}  // namespace limpet
