#include "tools/threads/wait_details.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "tools/reader/small_file.h"
#include "tools/threads/task_list.h"
#include "tools/threads/timer_list.h"
#include "tools/threads/waited_descriptors.h"

namespace limpet {
namespace {

// glibc's, since 2.25: nptl/pthread_barrier_wait.c
struct BarrierWords {
  std::uint32_t arrived;       // in all rounds
  std::uint32_t before_round;  // in those that are over
  std::uint32_t count;         // of a round
};

bool IsSending(WaitReason reason) {
  return reason == WaitReason::kSend || reason == WaitReason::kWrite ||
         reason == WaitReason::kConnect;
}

bool MayTalk(WaitReason reason) {
  return IsSending(reason) || reason == WaitReason::kReceive || reason == WaitReason::kRead;
}

}  // namespace

WaitDetails::WaitDetails(std::uint32_t pid, const std::string& proc, RemoteMemory& memory)
    : pid_(pid), proc_(proc), memory_(memory), sockets_(pid) {}

void WaitDetails::Add(const TaskSyscall& call, ThreadRecord& thread) {
  if (thread.reason == WaitReason::kPoll) AddFiles(call, thread);
  if (thread.reason == WaitReason::kBarrier) AddMissing(thread);
  if (MayTalk(thread.reason)) AddPeer(call, thread);
}

void WaitDetails::AddTimers(std::uint32_t thread_id, ThreadRecord& thread) {
  constexpr FileLimits kLimits = {.max_bytes = std::size_t{16} << 20};
  if (thread.reason != WaitReason::kSignal) return;
  if (!timers_.has_value()) {
    const std::string path = absl::StrFormat("%s/%d/timers", proc_, pid_);
    timers_ = CountTimers(ReadSmallFile(path, kLimits).value_or(""));
  }
  const auto timers = timers_->find(thread_id);
  if (timers == timers_->end()) return;
  thread.reason = WaitReason::kSleep;
  thread.timer_count = timers->second;
}

void WaitDetails::NameDescriptor(ThreadRecord& thread) {
  if (thread.descriptor >= 0) thread.descriptor_target = TargetOf(thread.descriptor);
}

const std::string& WaitDetails::TargetOf(std::int32_t descriptor) {
  const auto [place, is_new] = targets_.try_emplace(descriptor);
  if (is_new) place->second = ReadDescriptorTarget(pid_, descriptor, proc_);
  return place->second;
}

void WaitDetails::AddFiles(const TaskSyscall& call, ThreadRecord& thread) {
  const WaitedDescriptors waited =
      ReadWaitedDescriptors(call, memory_, absl::StrFormat("%s/%d", proc_, pid_));
  for (const std::int32_t descriptor : waited.listed) {
    thread.waited_files.push_back({descriptor, TargetOf(descriptor)});
  }
  thread.other_waited_files = waited.others;
}

// Only where the call that is under way is on this very descriptor (socket_facts.h).
void WaitDetails::AddPeer(const TaskSyscall& call, ThreadRecord& thread) {
  const bool is_its_call = call.number >= 0 && thread.descriptor >= 0 &&
                           call.arguments[0] == static_cast<std::uint64_t>(thread.descriptor);
  if (!is_its_call || !absl::StartsWith(TargetOf(thread.descriptor), "socket:")) return;
  SocketFacts facts = sockets_.Read(thread.descriptor, IsSending(thread.reason));
  if (facts.peer.empty()) facts.peer = ReadConnectTarget(call, memory_);
  thread.peer = std::move(facts.peer);
  thread.has_socket_timeout = facts.has_timeout;
}

void WaitDetails::AddMissing(ThreadRecord& thread) {
  BarrierWords words{};
  if (!memory_.ReadValue(thread.object, words)) return;
  const std::uint32_t missing = words.before_round + words.count - words.arrived;
  if (missing <= words.count) thread.missing_arrivals = missing;
}

}  // namespace limpet
