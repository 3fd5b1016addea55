// What a parked thread is doing: the outermost public function it waits in, by kind.
//
//   pthread_mutex_lock -> kMutex      read(pipe) -> kRead      getaddrinfo -> kResolve
//
// Numbers are part of the treaty: they are only ever appended. The words that people read for them
// are the companion's.
//
// Runs: target hot path (slow side) | companion.  Threads: constants.  Allocates: never.
#pragma once

#include <cstdint>

namespace limpet {

enum class WaitReason : std::uint32_t {
  kNone = 0,
  kMutex = 1,      // object: pthread_mutex_t
  kReadLock = 2,   // object: pthread_rwlock_t
  kWriteLock = 3,  // object: pthread_rwlock_t
  kCondition = 4,  // object: pthread_cond_t
  kJoin = 5,       // object: pthread_t; owner_thread_id: who is waited for
  kBarrier = 6,    // object: pthread_barrier_t
  kSemaphore = 7,  // object: sem_t
  kFutex = 8,      // object: the futex word
  kOnce = 9,       // object: pthread_once_t, or the guard of a function's static variable
  kSleep = 10,     // timeout_ns: how long
  kPoll = 11,      // poll, select, epoll; object: the array or sets; descriptor: of epoll
  kRead = 12,      // descriptor, as all that follow down to kFileLock
  kWrite = 13,
  kReceive = 14,
  kSend = 15,
  kAccept = 16,
  kConnect = 17,
  kTransfer = 18,        // sendfile, splice, copy_file_range
  kFileLock = 19,        // flock, fcntl, lockf
  kFile = 20,            // open, close, fsync, ioctl and relatives: the file system, a device, or a
                         // FIFO's other end
  kMessageReceive = 21,  // mq_receive (descriptor), msgrcv (object: the queue's id)
  kMessageSend = 22,
  kSystemSemaphore = 23,  // semop; object: the set's id
  kSignal = 24,           // sigwait and relatives
  kPause = 25,            // pause, sigsuspend: only a handler ends it
  kChild = 26,            // wait, waitpid, system, pclose; object: the pid waited for
  kResolve = 27,          // getaddrinfo and relatives
  kStreamRead = 28,       // fread, fgets, scanf; object: FILE; descriptor
  kAsynchronous = 29,     // aio_suspend, lio_listio
  kStreamWrite = 30,      // fwrite, printf, fflush, fclose; object: FILE; descriptor
  kNameService = 31,      // getpwnam and relatives
};
inline constexpr WaitReason kLastWaitReason = WaitReason::kNameService;

// Finished waits are added up by group.
enum class WaitGroup : std::uint32_t {
  kLock = 0,       // mutex, read and write lock, once
  kCondition = 1,  // condition, semaphore, futex, join, barrier
  kSleep = 2,
  kPoll = 3,
  kInput = 4,   // read, receive, accept, message receive, resolve, stream read, name service
  kOutput = 5,  // write, send, connect, transfer, message send, stream write
  kFile = 6,    // file lock, file
  kOther = 7,
};
inline constexpr int kWaitGroups = 8;

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
