// Whether a running process is traced, and if not, why.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "tools/launch/finding.h"

namespace limpet {

struct ProcessReport {
  std::string executable;
  bool is_traced = false;
  Findings findings;
};

// NotFound: no such process; PermissionDenied: it is not ours to look at. `proc` is "/proc" but in
// tests.
absl::StatusOr<ProcessReport> CheckProcess(std::uint32_t pid, const std::string& proc = "/proc");

}  // namespace limpet
