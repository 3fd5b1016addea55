#include "tests/support/site_totals.h"

#include <gtest/gtest.h>

#include "tools/profile/profile_builder.h"
#include "tools/symbol/elf_symbolizer.h"

namespace limpet {
namespace {

bool GoesThrough(const Profile& profile, const ProfileSample& sample, const std::string& function) {
  for (std::uint32_t location : sample.locations) {
    for (const ProfileLine& line : profile.locations[location].lines) {
      if (profile.functions[line.function].name.find(function) != std::string::npos) return true;
    }
  }
  return false;
}

}  // namespace

SiteTotals TotalsOf(const SegmentSnapshot& snapshot, const std::string& name,
                    const std::string& function) {
  ElfSymbolizer symbolizer;
  ProfileBuilder builder(snapshot, symbolizer, nullptr);
  absl::StatusOr<Profile> profile = builder.Build(name, {});
  SiteTotals totals;
  if (!profile.ok()) {
    ADD_FAILURE() << profile.status();
    return totals;
  }
  for (const ProfileSample& sample : profile->samples) {
    if (!GoesThrough(*profile, sample, function)) continue;
    totals.allocated_objects += sample.values[0];
    totals.allocated_bytes += sample.values[1];
    totals.objects_in_use += sample.values[2];
    totals.bytes_in_use += sample.values[3];
  }
  return totals;
}

std::uint64_t CounterOf(const SegmentSnapshot& snapshot, const std::string& name) {
  for (const auto& [counter, value] : snapshot.counters) {
    if (counter == name) return value;
  }
  ADD_FAILURE() << "no counter " << name;
  return 0;
}

}  // namespace limpet
