// Spans of time for people.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <string>

namespace limpet {

// "42s", "5m", "3h", "2d": the largest unit of which there are two, but hours from one on.
std::string ShortAge(std::uint64_t age_ns);

// The same for what may be shorter than a second: "350ms".
std::string ShortWait(std::uint64_t wait_ns);

}  // namespace limpet
