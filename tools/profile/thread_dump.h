// The threads of a process, each with what it does, in Go's words, free of any format.
//
// Runs: companion.  Threads: plain data.  Allocates: yes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/profile/loss.h"
#include "tools/profile/profile.h"
#include "tools/reader/segment_snapshot.h"

namespace limpet {

// What the one whom a thread waits for has become.
enum class OwnerLife { kUnknown, kAlive, kExited, kElsewhere };  // elsewhere: in another process

// Where a running thread's stack was not taken, this frame stands for it.
inline constexpr char kRunningStack[] = "[stack of a running thread]";
inline constexpr char kUnreadableStack[] = "[stack not readable]";
inline constexpr char kRunningState[] = "running";

// Lists of locations are indexes into Profile::locations, leaf first.
struct ListedThread {
  std::uint32_t number = 0;  // 1: main thread
  std::uint32_t thread_id = 0;
  std::string name;
  std::string state;   // Go's status: "running", "waiting", "syscall"
  std::string reason;  // Go's word for the wait; "running"
  WaitReason wait = WaitReason::kNone;
  std::string remark;  // what else is known of it, as "held by 7"; no comma, no parenthesis
  std::optional<std::uint64_t> waited_ns;
  std::optional<std::uint64_t> timeout_ns;
  std::uint64_t object = 0;  // 0: none
  std::int32_t descriptor = -1;
  std::string descriptor_target;
  std::vector<OpenFile> waited_files;  // these and what follows as in ThreadRecord
  std::uint64_t other_waited_files = 0;
  std::string peer;
  std::optional<bool> has_socket_timeout;
  std::uint32_t missing_arrivals = 0;
  std::uint32_t timer_count = 0;
  std::uint32_t owner_number = 0;  // who is waited for; 0: unknown
  std::uint32_t owner_thread_id = 0;
  OwnerLife owner_life = OwnerLife::kUnknown;
  std::vector<std::uint32_t> readers;  // who read what it waits to write, by number
  // Who last let one go on that waited for the same, where nobody owns it; number 0: not known.
  std::uint32_t waker_number = 0;
  std::optional<std::uint64_t> woken_ns;       // how long ago
  std::vector<std::uint32_t> waker_locations;  // where that was; empty: not known
  bool is_seen_from_outside = false;           // blocked where no hook is
  std::string wait_channel;
  std::optional<std::uint32_t> cpu_percent;       // of one CPU, of one that runs
  std::optional<std::uint64_t> age_ns;            // since it began
  std::uint32_t creator_number = 0;               // 0: unknown
  std::vector<std::uint32_t> locations;           // empty: its stack is not known
  std::vector<std::uint32_t> creation_locations;  // of the call that made it; empty: not known
  std::uint64_t park_count = 0;
  std::uint64_t parked_ns = 0;

  bool IsRunning() const { return state == kRunningState; }
};

// Threads that are not listed because only long waits were asked for.
struct LeftOutThreads {
  std::uint64_t of_unknown_wait = 0;
  std::uint64_t others = 0;
};

struct ThreadDump {
  Profile profile;                    // "goroutine"
  std::vector<ListedThread> threads;  // those that live, by number
  std::uint64_t unjoined = 0;         // ended, and neither joined nor detached
  std::string program;
  std::uint32_t pid = 0;
  bool is_alive = true;  // else waits are as long as is known, or longer
  std::vector<Loss> losses;
  LeftOutThreads left_out;
};

}  // namespace limpet
