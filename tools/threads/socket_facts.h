// Whom a socket of a living process talks to, and whether a time is set for that.
//
//   recv(5, ...)     fd 5 -> pidfd_getfd -> getpeername: 10.0.0.7:443, SO_RCVTIMEO: none
//
// The copy of the descriptor is open for some microseconds. Only one in which a thread is blocked
// is looked at: that call holds the socket open longer than we do, so closing it means the same.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tools/reader/proc_text.h"
#include "tools/threads/remote_memory.h"

namespace limpet {

struct SocketFacts {
  std::string peer;                 // "10.0.0.7:443", "fe80::1 port 443", "/run/db"; empty: unknown
  std::optional<bool> has_timeout;  // of the direction that was asked for; absent: unknown
};

class SocketReader {
 public:
  // Asks for the right to trace; without it nothing is known.
  explicit SocketReader(std::uint32_t pid);
  ~SocketReader();
  SocketReader(const SocketReader&) = delete;
  SocketReader& operator=(const SocketReader&) = delete;

  SocketFacts Read(std::int32_t descriptor, bool is_sending) const;

 private:
  int process_;  // pidfd, -1: none
};

// Of one that connects there is no peer yet, but what it was told.
std::string ReadConnectTarget(const TaskSyscall& call, RemoteMemory& memory);

// Printable, without what ends a reason in Go's form: comma, parentheses, brackets.
std::string FormatAddress(const void* address, std::size_t bytes);

}  // namespace limpet
