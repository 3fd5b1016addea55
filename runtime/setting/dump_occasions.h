// LIMPET_DUMP_ON: when profiles are written without anybody asking.
//
//   occasions = occasion {, occasion} | none
//   occasion  = growth:SIZE | highwater:N% | cgroup:N% | exit
//
// Runs: target startup | companion.  Threads: any.  Allocates: never.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/layout/watch.h"
#include "runtime/setting/value_grammar.h"

namespace limpet {

inline constexpr std::uint64_t kMinDumpGrowthBytes = 64 << 10;
inline constexpr std::uint64_t kMaxHighwaterPercent = 1000;
inline constexpr std::uint64_t kMaxCgroupPercent = 99;

struct DumpOccasions {
  std::uint64_t growth_bytes = 0;
  std::uint32_t highwater_percent = 0;
  std::uint32_t cgroup_percent = 0;
  bool at_exit = false;

  void StoreTo(WatchSettings* settings) const {
    settings->dump_growth_bytes = growth_bytes;
    settings->dump_highwater_percent = highwater_percent;
    settings->dump_cgroup_percent = cgroup_percent;
  }
};

namespace grammar {

inline bool ParsePercent(const char* text, std::uint64_t most, std::uint32_t* value) {
  std::uint64_t percent = 0;
  if (!TakeNumber(&text, &percent) || percent < 1 || percent > most) return false;
  if (*text == '%') ++text;
  *value = static_cast<std::uint32_t>(percent);
  return *text == '\0';
}

inline bool ParseGrowth(const char* text, std::uint64_t* bytes) {
  return ParseByteCount(text, bytes) && *bytes >= kMinDumpGrowthBytes;
}

inline bool ParseOccasion(const char* text, DumpOccasions* occasions) {
  if (SkipPrefix(&text, "GROWTH:")) return ParseGrowth(text, &occasions->growth_bytes);
  if (SkipPrefix(&text, "HIGHWATER:"))
    return ParsePercent(text, kMaxHighwaterPercent, &occasions->highwater_percent);
  if (SkipPrefix(&text, "CGROUP:"))
    return ParsePercent(text, kMaxCgroupPercent, &occasions->cgroup_percent);
  occasions->at_exit = occasions->at_exit || EqualsIgnoringCase(text, "exit");
  return EqualsIgnoringCase(text, "exit") || EqualsIgnoringCase(text, "none");
}

}  // namespace grammar

// False leaves `occasions` as they were.
[[nodiscard]] inline bool ParseDumpOccasions(const char* text, DumpOccasions* occasions) {
  DumpOccasions parsed;
  for (;;) {
    char occasion[32];
    std::size_t bytes = 0;
    for (; *text != '\0' && *text != ',' && bytes + 1 < sizeof(occasion); ++text)
      occasion[bytes++] = *text;
    occasion[bytes] = '\0';
    if (!grammar::ParseOccasion(occasion, &parsed)) return false;
    if (*text == '\0') break;
    if (*text++ != ',') return false;  // longer than any occasion
  }
  *occasions = parsed;
  return true;
}

}  // namespace limpet
