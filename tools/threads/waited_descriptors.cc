#include "tools/threads/waited_descriptors.h"

#include <poll.h>
#include <sys/syscall.h>

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tools/reader/small_file.h"

namespace limpet {
namespace {

// What a process says of its own call is not believed to any length.
constexpr std::uint64_t kMaxPolled = 16'384;
constexpr std::uint64_t kMaxSelected = 16'384;
constexpr std::size_t kMaxFdinfoBytes = std::size_t{4} << 20;
constexpr std::uint64_t kBitsPerWord = 64;

std::vector<std::int32_t> ReadPolled(std::uint64_t address, std::uint64_t count,
                                     RemoteMemory& memory) {
  std::vector<pollfd> entries(std::min(count, kMaxPolled));
  if (!memory.Read(address, entries.data(), entries.size() * sizeof(pollfd))) return {};
  std::vector<std::int32_t> descriptors;
  for (const pollfd& entry : entries) {
    if (entry.fd >= 0) descriptors.push_back(entry.fd);  // the kernel passes over the others too
  }
  return descriptors;
}

// Three sets of bits, each of which may be missing.
std::vector<std::int32_t> ReadSelected(const TaskSyscall& call, RemoteMemory& memory) {
  const std::uint64_t count = std::min(call.arguments[0], kMaxSelected);
  std::vector<std::int32_t> descriptors;
  for (const std::size_t set : {1U, 2U, 3U}) {
    if (call.arguments[set] == 0) continue;
    std::vector<std::uint64_t> words((count + kBitsPerWord - 1) / kBitsPerWord);
    if (!memory.Read(call.arguments[set], words.data(), words.size() * sizeof(words[0]))) continue;
    for (std::uint64_t bit = 0; bit < count; ++bit) {
      const bool is_set = (words[bit / kBitsPerWord] >> bit % kBitsPerWord & 1) != 0;
      if (is_set) descriptors.push_back(static_cast<std::int32_t>(bit));
    }
  }
  return descriptors;
}

std::vector<std::int32_t> ReadEpoll(std::uint64_t descriptor, const std::string& process_folder) {
  const std::string path = absl::StrFormat("%s/fdinfo/%d", process_folder, descriptor);
  return ParseEpollTargets(ReadSmallFile(path, {.max_bytes = kMaxFdinfoBytes}).value_or(""));
}

std::vector<std::int32_t> ReadAll(const TaskSyscall& call, RemoteMemory& memory,
                                  const std::string& process_folder) {
  switch (call.number) {
    case SYS_poll:
    case SYS_ppoll:
      return ReadPolled(call.arguments[0], call.arguments[1], memory);
    case SYS_select:
    case SYS_pselect6:
      return ReadSelected(call, memory);
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
    case SYS_epoll_pwait2:
      return ReadEpoll(call.arguments[0], process_folder);
    default:
      return {};
  }
}

}  // namespace

WaitedDescriptors ReadWaitedDescriptors(const TaskSyscall& call, RemoteMemory& memory,
                                        const std::string& process_folder) {
  WaitedDescriptors waited{.listed = ReadAll(call, memory, process_folder)};
  std::vector<std::int32_t>& listed = waited.listed;
  std::sort(listed.begin(), listed.end());
  listed.erase(std::unique(listed.begin(), listed.end()), listed.end());
  if (listed.size() > kMaxListedDescriptors) {
    waited.others = listed.size() - kMaxListedDescriptors;
    listed.resize(kMaxListedDescriptors);
  }
  return waited;
}

std::vector<std::int32_t> ParseEpollTargets(const std::string& fdinfo) {
  std::vector<std::int32_t> descriptors;
  for (absl::string_view line : absl::StrSplit(fdinfo, '\n')) {
    if (!absl::ConsumePrefix(&line, "tfd:")) continue;
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipWhitespace());
    std::int32_t descriptor = -1;
    const bool is_number = !words.empty() && absl::SimpleAtoi(words[0], &descriptor);
    if (is_number && descriptor >= 0) descriptors.push_back(descriptor);
  }
  return descriptors;
}

}  // namespace limpet
