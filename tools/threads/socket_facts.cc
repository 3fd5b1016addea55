#include "tools/threads/socket_facts.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_format.h"

namespace limpet {
namespace {

std::string FormatInet(const sockaddr_in& address) {
  char text[INET_ADDRSTRLEN] = "";
  inet_ntop(AF_INET, &address.sin_addr, text, sizeof(text));
  return absl::StrFormat("%s:%d", text, ntohs(address.sin_port));
}

std::string FormatInet6(const sockaddr_in6& address) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(AF_INET6, &address.sin6_addr, text, sizeof(text));
  return absl::StrFormat("%s port %d", text, ntohs(address.sin6_port));
}

// An abstract name begins with NUL, which ss and netstat write as @.
std::string FormatUnix(const sockaddr_un& address, std::size_t bytes) {
  if (bytes <= offsetof(sockaddr_un, sun_path)) return "";
  const std::size_t length = bytes - offsetof(sockaddr_un, sun_path);
  std::string path(address.sun_path, std::min(length, sizeof(address.sun_path)));
  const bool is_abstract = path[0] == '\0';
  if (is_abstract) path[0] = '@';
  path.resize(std::min(path.size(), path.find('\0')));
  for (char& letter : path) {
    const bool is_plain = absl::ascii_isgraph(static_cast<unsigned char>(letter));
    if (!is_plain || absl::StrContains(",()[]", letter)) letter = '_';
  }
  return path;
}

template <class Address>
std::optional<Address> As(const void* bytes, std::size_t count, std::size_t least) {
  if (count < least) return std::nullopt;
  Address address{};
  std::memcpy(&address, bytes, std::min(count, sizeof(address)));
  return address;
}

std::string PeerOf(int file) {
  sockaddr_storage address{};
  socklen_t bytes = sizeof(address);
  if (getpeername(file, reinterpret_cast<sockaddr*>(&address), &bytes) != 0) return "";
  return FormatAddress(&address, std::min<std::size_t>(bytes, sizeof(address)));
}

std::optional<bool> HasTimeout(int file, bool is_sending) {
  timeval time{};
  socklen_t bytes = sizeof(time);
  const int option = is_sending ? SO_SNDTIMEO : SO_RCVTIMEO;
  if (getsockopt(file, SOL_SOCKET, option, &time, &bytes) != 0) return std::nullopt;
  return time.tv_sec != 0 || time.tv_usec != 0;
}

}  // namespace

SocketReader::SocketReader(std::uint32_t pid)
    : process_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {}

SocketReader::~SocketReader() {
  if (process_ >= 0) close(process_);
}

SocketFacts SocketReader::Read(std::int32_t descriptor, bool is_sending) const {
  if (process_ < 0) return {};
  const auto file = static_cast<int>(syscall(SYS_pidfd_getfd, process_, descriptor, 0));
  if (file < 0) return {};
  SocketFacts facts{.peer = PeerOf(file), .has_timeout = HasTimeout(file, is_sending)};
  close(file);
  return facts;
}

std::string ReadConnectTarget(const TaskSyscall& call, RemoteMemory& memory) {
  if (call.number != SYS_connect) return "";
  char address[sizeof(sockaddr_storage)] = {};
  const std::size_t bytes = std::min<std::size_t>(call.arguments[2], sizeof(address));
  return memory.Read(call.arguments[1], address, bytes) ? FormatAddress(address, bytes) : "";
}

std::string FormatAddress(const void* address, std::size_t bytes) {
  const auto family = As<sa_family_t>(address, bytes, sizeof(sa_family_t));
  if (!family.has_value()) return "";
  if (*family == AF_INET) {
    const auto inet = As<sockaddr_in>(address, bytes, sizeof(sockaddr_in));
    return inet.has_value() ? FormatInet(*inet) : "";
  }
  if (*family == AF_INET6) {
    const auto inet = As<sockaddr_in6>(address, bytes, sizeof(sockaddr_in6));
    return inet.has_value() ? FormatInet6(*inet) : "";
  }
  if (*family != AF_UNIX) return "";
  return FormatUnix(*As<sockaddr_un>(address, bytes, sizeof(sa_family_t)), bytes);
}

}  // namespace limpet
