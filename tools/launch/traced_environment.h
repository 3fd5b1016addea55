// The environment a program is started with to be traced.
//
//   LD_PRELOAD = liblimpet.so : what was there : libjemalloc.so.2
//
// Ours comes first to see every call; an allocator comes last, to be what the others call.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace limpet {

struct TraceRequest {
  std::string library;                          // path of liblimpet.so
  std::string allocator_library;                // empty: the program's own
  std::map<std::string, std::string> settings;  // LIMPET_ variables; others stay as they are
};

// `environment` (an environ array) with what the request changes. Each entry is `NAME=value`.
std::vector<std::string> TracedEnvironment(const char* const* environment,
                                           const TraceRequest& request);

}  // namespace limpet
