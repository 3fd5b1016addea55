#include "tools/profile/wait_words.h"

#include "absl/strings/match.h"

namespace limpet {
namespace {

constexpr char kSyscall[] = "syscall";

bool HasNothingToWaitFor(const ThreadRecord& thread) {
  return thread.object == 0 && thread.descriptor < 0;
}

std::string PollWords(const ThreadRecord& thread) {
  if (!HasNothingToWaitFor(thread)) return "select";
  return thread.timeout_ns == kNoTimeout ? "select (no cases)" : "sleep";
}

// A pipe is a channel, a timer a sleep; a file of a disk is neither that nor the network.
std::string DescriptorWords(const ThreadRecord& thread, const char* of_pipe) {
  const std::string& target = thread.descriptor_target;
  if (target == "anon_inode:[timerfd]") return "sleep";
  if (absl::StartsWith(target, "pipe:")) return of_pipe;
  const bool is_file = absl::StartsWith(target, "/") && !absl::StartsWith(target, "/dev/");
  return is_file ? kSyscall : "IO wait";
}

// Of what libraries build their own primitives on.
std::string WordsOr(std::string_view by_frames, const char* otherwise) {
  return by_frames.empty() ? otherwise : std::string(by_frames);
}

}  // namespace

std::string WaitWords(const ThreadRecord& thread, std::string_view by_frames) {
  switch (thread.reason) {
    case WaitReason::kNone:
      return thread.IsStopped() ? "stopped" : WaitWords(thread.reason, by_frames);
    case WaitReason::kPoll:
      return PollWords(thread);
    case WaitReason::kRead:
    case WaitReason::kStreamRead:
      return DescriptorWords(thread, "chan receive");
    case WaitReason::kWrite:
    case WaitReason::kStreamWrite:
      return DescriptorWords(thread, "chan send");
    default:
      return WaitWords(thread.reason, by_frames);
  }
}

std::string WaitWords(WaitReason reason, std::string_view by_frames) {
  switch (reason) {
    case WaitReason::kNone:
      return WordsOr(by_frames, kSyscall);
    case WaitReason::kMutex:
    case WaitReason::kFileLock:
      return "sync.Mutex.Lock";
    case WaitReason::kReadLock:
      return "sync.RWMutex.RLock";
    case WaitReason::kWriteLock:
      return "sync.RWMutex.Lock";
    case WaitReason::kCondition:
      return WordsOr(by_frames, "sync.Cond.Wait");
    case WaitReason::kJoin:
    case WaitReason::kBarrier:
      return "sync.WaitGroup.Wait";
    case WaitReason::kSemaphore:
    case WaitReason::kFutex:
      return WordsOr(by_frames, "semacquire");
    case WaitReason::kOnce:
    case WaitReason::kSystemSemaphore:
      return "semacquire";
    case WaitReason::kSleep:
      return "sleep";
    case WaitReason::kPoll:
      return "select";
    case WaitReason::kRead:
    case WaitReason::kStreamRead:
    case WaitReason::kWrite:
    case WaitReason::kStreamWrite:
    case WaitReason::kReceive:
    case WaitReason::kSend:
    case WaitReason::kAccept:
    case WaitReason::kConnect:
    case WaitReason::kTransfer:
    case WaitReason::kAsynchronous:
      return "IO wait";
    case WaitReason::kFile:
      return kSyscall;
    case WaitReason::kMessageReceive:
      return "chan receive";
    case WaitReason::kMessageSend:
      return "chan send";
    case WaitReason::kSignal:
      return "select (signals)";
    case WaitReason::kPause:
      return "select (no cases)";
    case WaitReason::kChild:
      return "syscall (wait child)";
    case WaitReason::kResolve:
      return "IO wait (DNS)";
    case WaitReason::kNameService:
      return "IO wait (name service)";
  }
  return kSyscall;
}

std::string StatusWord(const std::string& wait_words) {
  return absl::StartsWith(wait_words, kSyscall) ? kSyscall : "waiting";
}

}  // namespace limpet
