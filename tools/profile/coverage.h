// How much of a process's memory its heap profile explains.
//
//   in use as sampled  <=  resident anonymous memory (heap, stacks, private mappings)  <=  RSS
//        the profile       what the kernel gave for it, free and fragmented parts too
//
// The allocator cannot be asked from outside, so the kernel is.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <string>

namespace limpet {

struct Coverage {
  std::int64_t in_use_bytes = 0;
  std::uint64_t resident_anonymous_bytes = 0;
  std::uint64_t resident_bytes = 0;
};

// One line for people.
std::string CoverageLine(const Coverage& coverage);

// "12.3 MiB"; exact below 1 KiB.
std::string FormatBytes(std::uint64_t bytes);

}  // namespace limpet
