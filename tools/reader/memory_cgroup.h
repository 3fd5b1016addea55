// The memory cgroup of a process, version 1 or 2, where its files are seen from here.
//
// In a container the mounted hierarchy begins at the container's own cgroup, so what lies above is
// not seen.
//
// Kernel: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst; proc(5) for mountinfo.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace limpet {

// The names of one version's files.
struct MemoryCgroupFiles {
  const char* limit;
  const char* usage;
  const char* inactive;  // line of memory.stat
  const char* events;    // has a line `oom_kill N`
};

struct MemoryCgroup {
  std::string mount;  // the top of what is seen
  std::string below;  // "/slice/app", "" for the top itself
  MemoryCgroupFiles files = {};
};

// `pid` as /proc names it, or "self"; `root` is "" but in tests.
std::optional<MemoryCgroup> FindMemoryCgroup(const std::string& pid, const std::string& root = "");

// A line `name N` of one of its files; absent: there is none.
std::optional<std::uint64_t> ReadCgroupCount(const std::string& path, const std::string& name);

}  // namespace limpet
