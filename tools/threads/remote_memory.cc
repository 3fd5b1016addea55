#include "tools/threads/remote_memory.h"

#include <sys/uio.h>

#include <algorithm>
#include <cstring>

namespace limpet {
namespace {

constexpr std::size_t kMaxPages = 16384;  // 64 MiB

}  // namespace

const RemoteMemory::Page& RemoteMemory::PageAt(std::uint64_t address) {
  if (pages_.size() >= kMaxPages) pages_.clear();
  auto [place, is_new] = pages_.try_emplace(address / kPageBytes);
  Page& page = place->second;
  if (!is_new) return page;
  iovec local{page.bytes.data(), kPageBytes};
  iovec remote{reinterpret_cast<void*>(address / kPageBytes * kPageBytes), kPageBytes};
  const ssize_t count = process_vm_readv(static_cast<pid_t>(pid_), &local, 1, &remote, 1, 0);
  page.is_readable = count == static_cast<ssize_t>(kPageBytes);
  return page;
}

bool RemoteMemory::Read(std::uint64_t address, void* bytes, std::size_t count) {
  auto* to = static_cast<char*>(bytes);
  while (count > 0) {
    const Page& page = PageAt(address);
    if (!page.is_readable) return false;
    const std::size_t offset = address % kPageBytes;
    const std::size_t now = std::min(count, kPageBytes - offset);
    std::memcpy(to, page.bytes.data() + offset, now);
    to += now;
    address += now;
    count -= now;
  }
  return true;
}

}  // namespace limpet
