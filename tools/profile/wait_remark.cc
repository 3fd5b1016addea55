#include "tools/profile/wait_remark.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace limpet {
namespace {

constexpr std::size_t kMostShownNumbers = 8;

std::string OwnerWords(const ListedThread& listed) {
  std::string who = listed.owner_number != 0 ? absl::StrFormat("%d", listed.owner_number)
                                             : absl::StrFormat("tid %d", listed.owner_thread_id);
  if (listed.owner_life == OwnerLife::kExited) who += " which has ended";
  if (listed.owner_life == OwnerLife::kElsewhere) who += " which is not of this process";
  return who;
}

// " 4 5 7", " 4 5 6 7 8 9 10 11 and 92 more"; `others`: that are not among them.
std::string Numbers(const std::vector<std::int64_t>& numbers, std::uint64_t others) {
  const std::size_t shown = std::min(numbers.size(), kMostShownNumbers);
  std::string text;
  for (std::size_t index = 0; index < shown; ++index)
    absl::StrAppendFormat(&text, " %d", numbers[index]);
  others += numbers.size() - shown;
  if (others != 0) absl::StrAppendFormat(&text, " and %d more", others);
  return text;
}

std::string FileNumbers(const ThreadRecord& thread) {
  std::vector<std::int64_t> descriptors;
  for (const OpenFile& file : thread.waited_files) descriptors.push_back(file.descriptor);
  return Numbers(descriptors, thread.other_waited_files);
}

// An epoll has a descriptor of its own.
std::string PollRemark(const ThreadRecord& thread) {
  const std::string files = FileNumbers(thread);
  if (thread.descriptor >= 0) return absl::StrFormat("fd %d for", thread.descriptor) + files;
  return (thread.waited_files.size() == 1 ? "fd" : "fds") + files;
}

std::string DescriptorRemark(const ThreadRecord& thread, const ListedThread& listed) {
  const char* const what = thread.reason == WaitReason::kFileLock ? "file" : "fd";
  const std::string peer = PeerWords(listed);
  return absl::StrFormat("%s %d", what, thread.descriptor) + (peer.empty() ? "" : " " + peer);
}

}  // namespace

std::string PeerWords(const ListedThread& listed) {
  std::string words = listed.peer.empty() ? "" : "to " + listed.peer;
  if (listed.has_socket_timeout == false)
    words += words.empty() ? "without timeout" : " without timeout";
  return words;
}

std::string WakeVerb(WaitReason reason) {
  if (reason == WaitReason::kCondition) return "signalled";
  if (reason == WaitReason::kSemaphore) return "posted";
  return GroupOf(reason) == WaitGroup::kLock ? "unlocked" : "woken";
}

std::string WaitRemark(const ThreadRecord& thread, const ListedThread& listed) {
  if (listed.owner_thread_id != 0) {
    if (thread.reason == WaitReason::kJoin) return "for " + OwnerWords(listed);
    return (thread.reason == WaitReason::kOnce ? "run by " : "held by ") + OwnerWords(listed);
  }
  if (!listed.readers.empty())
    return "read by" + Numbers({listed.readers.begin(), listed.readers.end()}, 0);
  if (listed.waker_number != 0)
    return absl::StrFormat("last %s by %d", WakeVerb(thread.reason), listed.waker_number);
  if (thread.reason == WaitReason::kOnce) return "once";
  if (thread.missing_arrivals != 0) return absl::StrFormat("%d missing", thread.missing_arrivals);
  if (thread.timer_count != 0)
    return absl::StrFormat("%d timer%s", thread.timer_count, thread.timer_count == 1 ? "" : "s");
  if (!thread.waited_files.empty()) return PollRemark(thread);
  return thread.descriptor >= 0 ? DescriptorRemark(thread, listed) : "";
}

}  // namespace limpet
