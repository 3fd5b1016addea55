// The LIMPET_ variables: what each means, and which values it takes.
//
// A traced program never fails because of a bad value, it takes the default (runtime/options.h);
// who asks `limpet run` for one is told before the program starts.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace limpet {

struct TraceSetting {
  absl::string_view name;
  absl::string_view default_value;
  absl::string_view meaning;
  absl::string_view expected;  // completes "expected ..."
  bool (*is_valid)(absl::string_view value);
};

std::span<const TraceSetting> TraceSettings();

// InvalidArgument names the setting, the value and what was expected.
absl::Status CheckSetting(absl::string_view name, absl::string_view value);

// 1, 4096, 512KiB, 1MB, 2G
std::optional<std::uint64_t> ParseByteCount(absl::string_view text);

// USR1, SIGUSR2, RTMIN+3, 10; none is 0.
std::optional<int> ParseSignalName(absl::string_view text);

}  // namespace limpet
