// What else can be told of a wait while its process lives: files, peers, who is still to come.
//
//   poll of 4 and 5        pipe:[812], socket:[77]
//   recv from 5            of 10.0.0.7:443, without a timeout
//   barrier                of 4 threads 1 is missing
//   libc's own signal      it serves 5 timers
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "tools/reader/proc_text.h"
#include "tools/reader/segment_snapshot.h"
#include "tools/threads/remote_memory.h"
#include "tools/threads/socket_facts.h"

namespace limpet {

class WaitDetails {
 public:
  // `proc` is "/proc" but in tests.
  WaitDetails(std::uint32_t pid, const std::string& proc, RemoteMemory& memory);

  // Of a thread that is blocked in `call` for the reason that it says.
  void Add(const TaskSyscall& call, ThreadRecord& thread);

  // Where a thread that waits for signals, `thread_id` to us, is the one that libc has for timers:
  // it sleeps.
  void AddTimers(std::uint32_t thread_id, ThreadRecord& thread);

  // What its descriptor is; no call need be known for that.
  void NameDescriptor(ThreadRecord& thread);

 private:
  const std::string& TargetOf(std::int32_t descriptor);
  void AddFiles(const TaskSyscall& call, ThreadRecord& thread);
  void AddPeer(const TaskSyscall& call, ThreadRecord& thread);
  void AddMissing(ThreadRecord& thread);

  const std::uint32_t pid_;
  const std::string proc_;
  RemoteMemory& memory_;
  const SocketReader sockets_;
  std::map<std::int32_t, std::string> targets_;
  std::optional<std::map<std::uint32_t, std::uint32_t>> timers_;  // by thread, once asked for
};

}  // namespace limpet
