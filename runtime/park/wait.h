// One wait as its hook describes it, before it is known when it began and where.
//
//   poll(fds, 2, 1500) -> {kPoll, object: fds, timeout_ns: 1.5e9}
//
// Runs: target hot path (slow side).  Threads: plain data.  Allocates: never.
#pragma once

#include <cstdint>

#include "runtime/layout/thread_slot.h"
#include "runtime/layout/wait_reason.h"

namespace limpet {

struct Wait {
  WaitReason reason = WaitReason::kNone;
  std::int32_t descriptor = -1;
  std::uint64_t object = 0;
  std::uint64_t timeout_ns = kNoTimeout;
  std::uint32_t owner_thread_id = 0;
  // Made of other waits, some of which come by our hooks: they only nest, and this keeps its name.
  bool is_composite = false;
};

constexpr WaitGroup GroupOf(WaitReason reason) {
  switch (reason) {
    case WaitReason::kMutex:
    case WaitReason::kReadLock:
    case WaitReason::kWriteLock:
    case WaitReason::kOnce:
      return WaitGroup::kLock;
    case WaitReason::kCondition:
    case WaitReason::kJoin:
    case WaitReason::kBarrier:
    case WaitReason::kSemaphore:
    case WaitReason::kFutex:
      return WaitGroup::kCondition;
    case WaitReason::kSleep:
      return WaitGroup::kSleep;
    case WaitReason::kPoll:
      return WaitGroup::kPoll;
    case WaitReason::kRead:
    case WaitReason::kReceive:
    case WaitReason::kAccept:
    case WaitReason::kMessageReceive:
    case WaitReason::kResolve:
    case WaitReason::kStreamRead:
    case WaitReason::kNameService:
      return WaitGroup::kInput;
    case WaitReason::kWrite:
    case WaitReason::kSend:
    case WaitReason::kConnect:
    case WaitReason::kTransfer:
    case WaitReason::kMessageSend:
    case WaitReason::kStreamWrite:
      return WaitGroup::kOutput;
    case WaitReason::kFileLock:
    case WaitReason::kFile:
      return WaitGroup::kFile;
    default:
      return WaitGroup::kOther;
  }
}

}  // namespace limpet
