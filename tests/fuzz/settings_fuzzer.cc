// Any bytes as an environment: what the target takes from it stays within its limits, and what the
// companion promises to be taken is taken.
//
// Runs: fuzzer.  Threads: one.  Allocates: yes.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "runtime/options.h"
#include "tools/launch/trace_settings.h"

namespace limpet {
namespace {

void Require(bool holds) {
  if (!holds) abort();
}

void CheckLimits(const Options& options) {
  Require(options.sample_bytes >= 1 && options.sample_bytes <= kMaxSampleBytes);
  Require(options.max_bytes == 0 || options.max_bytes >= kMinSegmentBytes);
  Require(options.max_bytes <= kMaxSegmentBytes);
  Require(options.dump_signal >= 0 && options.dump_signal <= 64);
  Require(options.dump_directory.c_str()[0] == '/' && !options.dump_directory.IsCut());
  Require(options.runtime_directory.c_str()[0] == '/' && !options.runtime_directory.IsCut());
  Require(options.watch.max_dumps >= kMinMaxDumps && options.watch.max_dumps <= kMaxMaxDumps);
  Require(options.watch.dump_interval_ns <= kMaxDumpIntervalNs);
  Require(options.watch.dump_cgroup_percent < 100);
}

void Read(const std::vector<std::string>& variables) {
  std::vector<const char*> environment;
  for (const std::string& variable : variables) environment.push_back(variable.c_str());
  environment.push_back(nullptr);
  Options options;
  ReadOptions(environment.data(), /*reports=*/false, &options);
  CheckLimits(options);
}

// One alone, so that what it changes can be seen.
void CompareBothSides(const std::string& variable) {
  const std::size_t equals = variable.find('=');
  if (equals == std::string::npos || variable.compare(0, 7, "LIMPET_") != 0) return;
  const bool is_promised =
      CheckSetting(variable.substr(0, equals), variable.substr(equals + 1)).ok();
  std::vector<const char*> environment = {variable.c_str(), nullptr};
  Options options;
  ReadOptions(environment.data(), /*reports=*/false, &options);
  const bool is_interval = variable.compare(0, equals, "LIMPET_EVERY") == 0;
  if (is_interval && !is_promised) Require(options.watch.dump_interval_ns == 0);
}

}  // namespace
}  // namespace limpet

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t count) {
  std::vector<std::string> variables(1);
  for (std::size_t i = 0; i < count; ++i) {
    if (bytes[i] == '\0') {
      variables.emplace_back();
    } else {
      variables.back() += static_cast<char>(bytes[i]);
    }
  }
  limpet::Read(variables);
  for (const std::string& variable : variables) limpet::CompareBothSides(variable);
  return 0;
}
