// Every LIMPET_ variable: what it means, its default, which values it takes. The one list of them.
//
// Runs: target startup | companion.  Threads: any.  Allocates: never.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/layout/dead_segments.h"
#include "runtime/setting/value_grammar.h"

namespace limpet {

inline constexpr std::uint64_t kDefaultSampleBytes = 512 << 10;
inline constexpr std::uint64_t kMaxSampleBytes = std::uint64_t{1} << 40;
inline constexpr std::uint64_t kDefaultSegmentBytes = 64 << 20;
inline constexpr std::uint64_t kMinSegmentBytes = 2 << 20;
inline constexpr std::uint64_t kMaxSegmentBytes = std::uint64_t{4} << 30;
// Of an absolute path, with the ending NUL.
inline constexpr std::size_t kPathBytes = 512;
inline constexpr std::size_t kRuntimePathBytes = 256;
inline constexpr std::size_t kProgramListBytes = 256;  // LIMPET_ONLY, with the ending NUL

inline constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
inline constexpr std::uint64_t kMinDumpIntervalNs = kNsPerSecond;
inline constexpr std::uint64_t kMaxDumpIntervalNs = kNsPerSecond * 3600 * 720;
inline constexpr std::uint64_t kDefaultBlockRateNs = 10'000;
inline constexpr std::uint64_t kMaxBlockRateNs = kNsPerSecond;
inline constexpr std::uint64_t kDefaultMaxDumps = 100;
inline constexpr std::uint64_t kMinMaxDumps = 2;  // the first and the last stay
inline constexpr std::uint64_t kMaxMaxDumps = 1'000'000;
inline constexpr std::uint64_t kDefaultMaxDirectoryBytes = 1 << 30;
inline constexpr std::uint64_t kMinMaxDirectoryBytes = 1 << 20;
inline constexpr std::uint64_t kMaxMaxDeadSegments = 1024;

enum class SettingId : std::uint8_t {
  kDirectory,
  kSampleBytes,
  kMaxBytes,
  kSignal,
  kRunning,
  kBlockRate,
  kDumpAtExit,
  kEvery,
  kDumpOn,
  kWatch,
  kKeep,
  kMaxDirectoryBytes,
  kKeepDead,
  kOnly,
  kFollow,
  kMmap,
  kRuntimeDirectory,
  kCompanion,
  kLibrary,
  kDisable,
};

struct Setting {
  SettingId id;
  const char* name;
  const char* default_value;
  const char* meaning;
  const char* expected;  // completes "expected ..."
};

inline constexpr char kExpectedSwitch[] = "0 or 1";
inline constexpr char kExpectedPath[] = "a path, made absolute at most 511 bytes";

inline constexpr Setting kSettings[] = {
    {SettingId::kDirectory, "LIMPET_DIR", "./limpet", "where profiles are written", kExpectedPath},
    {SettingId::kSampleBytes, "LIMPET_SAMPLE_BYTES", "512KiB",
     "mean bytes between samples; 1 records every allocation",
     "a size from 1 to 1TiB, such as 512KiB"},
    {SettingId::kMaxBytes, "LIMPET_MAX_BYTES", "64MiB",
     "most memory of the trace (16MiB on a small /dev/shm)", "a size from 2MiB to 4GiB"},
    {SettingId::kSignal, "LIMPET_SIGNAL", "USR1", "the signal that asks for a dump",
     "USR1, USR2, HUP, RTMIN+n, a number from 1 to 64 that may be caught, or none"},
    {SettingId::kRunning, "LIMPET_RUNNING", "1",
     "threads that run are asked for their stacks, by SIGURG", kExpectedSwitch},
    {SettingId::kBlockRate, "LIMPET_BLOCK_RATE", "10us",
     "waits as long are added up each, shorter ones by chance, in profiles `block` and `wait`",
     "a time from 1ns to 1s, such as 10us, or none"},
    {SettingId::kDumpAtExit, "LIMPET_DUMP_AT_EXIT", "0", "writes profiles when the program ends",
     kExpectedSwitch},
    {SettingId::kEvery, "LIMPET_EVERY", "none", "writes profiles each time so much has passed",
     "a time from 1s to 720h, such as 30s, or none"},
    {SettingId::kDumpOn, "LIMPET_DUMP_ON", "none",
     "writes profiles when memory in use has grown, is higher than ever, or near its limit",
     "growth:SIZE, highwater:N%, cgroup:N%, exit, several by commas, or none"},
    {SettingId::kWatch, "LIMPET_WATCH", "0",
     "a companion stays, and writes the last profile of what is killed; also with the two above",
     kExpectedSwitch},
    {SettingId::kKeep, "LIMPET_KEEP", "100", "dumps of one process that are kept",
     "a number from 2 to 1000000"},
    {SettingId::kMaxDirectoryBytes, "LIMPET_MAX_DIR_BYTES", "1GiB",
     "most that the directory of profiles holds", "a size from 1MiB to 1TiB"},
    {SettingId::kKeepDead, "LIMPET_KEEP_DEAD", "16",
     "traces of dead processes that are kept, for 24 hours and 32 MiB at most",
     "a number from 0 to 1024"},
    {SettingId::kOnly, "LIMPET_ONLY", "*",
     "names of the programs that are traced, * and ? stand for any",
     "names by commas, such as redis-*,nginx, at most 255 bytes"},
    {SettingId::kFollow, "LIMPET_FOLLOW", "fork,exec", "which children are traced",
     "fork, exec, fork,exec or none"},
    {SettingId::kMmap, "LIMPET_MMAP", "0", "also traces anonymous mappings, as profile `mmap`",
     kExpectedSwitch},
    {SettingId::kRuntimeDirectory, "LIMPET_RUNTIME_DIR", "/dev/shm/limpet-UID",
     "where the trace itself lies", "a path, made absolute at most 255 bytes"},
    {SettingId::kCompanion, "LIMPET_COMPANION", "the one beside the library",
     "the `limpet` that a signal starts", kExpectedPath},
    {SettingId::kLibrary, "LIMPET_LIBRARY", "the one beside limpet",
     "the liblimpet.so that `limpet run` preloads", kExpectedPath},
    {SettingId::kDisable, "LIMPET_DISABLE", "0", "switches tracing off", kExpectedSwitch},
};

// Bytes between samples, and of a segment, within their limits. False leaves `value` as it was.
[[nodiscard]] inline bool ParseBytesWithin(const char* text, std::uint64_t least,
                                           std::uint64_t most, std::uint64_t* value) {
  std::uint64_t bytes = 0;
  if (!ParseByteCount(text, &bytes) || bytes < least || bytes > most) return false;
  *value = bytes;
  return true;
}
[[nodiscard]] inline bool ParseSampleBytes(const char* text, std::uint64_t* value) {
  return ParseBytesWithin(text, 1, kMaxSampleBytes, value);
}
[[nodiscard]] inline bool ParseSegmentBytes(const char* text, std::uint64_t* value) {
  return ParseBytesWithin(text, kMinSegmentBytes, kMaxSegmentBytes, value);
}

[[nodiscard]] inline bool ParseDirectoryBytes(const char* text, std::uint64_t* value) {
  return ParseBytesWithin(text, kMinMaxDirectoryBytes, kMaxSampleBytes, value);
}

// As above, of a plain number and of a time. `none` is no time.
[[nodiscard]] inline bool ParseCountWithin(const char* text, std::uint64_t least,
                                           std::uint64_t most, std::uint64_t* value) {
  std::uint64_t number = 0;
  bool is_number = grammar::TakeNumber(&text, &number) && *text == '\0';
  if (!is_number || number < least || number > most) return false;
  *value = number;
  return true;
}
[[nodiscard]] inline bool ParseMaxDumps(const char* text, std::uint64_t* value) {
  return ParseCountWithin(text, kMinMaxDumps, kMaxMaxDumps, value);
}
[[nodiscard]] inline bool ParseMaxDeadSegments(const char* text, std::uint64_t* value) {
  return ParseCountWithin(text, 0, kMaxMaxDeadSegments, value);
}
[[nodiscard]] inline bool ParseTimeWithin(const char* text, std::uint64_t least_ns,
                                          std::uint64_t most_ns, std::uint64_t* value_ns) {
  std::uint64_t time_ns = 0;
  bool is_none = grammar::EqualsIgnoringCase(text, "none");
  if (!is_none && !ParseDuration(text, &time_ns)) return false;
  if (!is_none && (time_ns < least_ns || time_ns > most_ns)) return false;
  *value_ns = time_ns;
  return true;
}
[[nodiscard]] inline bool ParseDumpInterval(const char* text, std::uint64_t* value_ns) {
  return ParseTimeWithin(text, kMinDumpIntervalNs, kMaxDumpIntervalNs, value_ns);
}
[[nodiscard]] inline bool ParseBlockRate(const char* text, std::uint64_t* value_ns) {
  return ParseTimeWithin(text, 1, kMaxBlockRateNs, value_ns);
}

}  // namespace limpet
