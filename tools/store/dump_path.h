// Names of dump files, from a pattern.
//
//   %e executable   %p PID       %s start (clock ticks since boot, as in the segment's name)
//   %t UTC time     %n number    %h host    %P profile    %% a percent sign
//
//   limpet/%e.%p-%s/%t.%n.%P.pb.gz  ->  limpet/nginx.4242-987654/20261121T092356Z.000042.heap.pb.gz
//
// A number is the next free one in its directory, so that names in order are dumps in order.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace limpet {

struct DumpNames {
  std::string executable;  // path; its last part is used
  std::uint32_t pid = 0;
  std::uint64_t start_ticks = 0;
  std::int64_t time_unix_ns = 0;
  std::string host;
  std::string profile;
  std::uint64_t number = 0;
};

// Unknown letters after %, and a %n before the last slash, are refused.
absl::Status CheckPattern(const std::string& pattern);

// Of a pattern that CheckPattern accepted.
std::string ExpandPattern(const std::string& pattern, const DumpNames& names);

// True when the pattern has %`letter`.
bool PatternHas(const std::string& pattern, char letter);

// `text` for use inside a pattern.
std::string EscapePattern(const std::string& text);

// The number after the largest that a file of this pattern has, 1 where there is none. Only the
// pattern's last part counts; `files` lie in the directory that is its expanded rest.
std::uint64_t NextNumber(const std::vector<std::string>& files, const std::string& pattern);

// "20261121T092356Z"
std::string FormatUtc(std::int64_t unix_ns);

}  // namespace limpet
