// Whether a traced program will take the value of a LIMPET_ variable.
//
// The program itself never fails because of a bad value, it takes the default (runtime/options.h);
// who asks `limpet run` for one is told before the program starts.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace limpet {

// InvalidArgument names the setting, the value and what was expected.
absl::Status CheckSetting(const std::string& name, const std::string& value);

// The value in our own environment; empty where there is none.
std::string OwnSetting(const char* name);

}  // namespace limpet
