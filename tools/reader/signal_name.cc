#include "tools/reader/signal_name.h"

#include <csignal>
#include <cstring>

#include "absl/strings/str_format.h"

namespace limpet {

std::string SignalName(int signal) {
  if (signal >= SIGRTMIN && signal <= SIGRTMAX) {
    return absl::StrFormat("RTMIN+%d", signal - SIGRTMIN);
  }
  const char* const name = sigabbrev_np(signal);
  return name != nullptr ? absl::StrFormat("SIG%s", name) : absl::StrFormat("signal %d", signal);
}

}  // namespace limpet
