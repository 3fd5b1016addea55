// What LIMPET_* says, read once from the environment without the heap.
//
// A value that is unknown or malformed is reported on stderr in one line and its default is used: a
// program never fails to run because of our settings.
//
// Runs: target startup.  Threads: one.  Allocates: never.
#pragma once

#include <cstdint>

#include "runtime/sys/fixed_text.h"

namespace limpet {

inline constexpr std::uint64_t kDefaultSampleBytes = 512 << 10;
inline constexpr std::uint64_t kMaxSampleBytes = std::uint64_t{1} << 40;
inline constexpr std::uint64_t kDefaultSegmentBytes = 64 << 20;
inline constexpr std::uint64_t kMinSegmentBytes = 2 << 20;
inline constexpr std::uint64_t kMaxSegmentBytes = std::uint64_t{4} << 30;

// All zero until ReadOptions: it is part of a constant-initialised object that must stay in .bss.
struct Options {
  bool is_disabled = false;               // LIMPET_DISABLE
  std::uint64_t sample_bytes = 0;         // LIMPET_SAMPLE_BYTES, 1: every allocation
  std::uint64_t max_bytes = 0;            // LIMPET_MAX_BYTES, 0: by the file system's size
  int dump_signal = 0;                    // LIMPET_SIGNAL, 0: none
  bool dumps_at_exit = false;             // LIMPET_DUMP_AT_EXIT
  bool traces_mappings = false;           // LIMPET_MMAP
  sys::FixedText<512> dump_directory;     // LIMPET_DIR, absolute
  sys::FixedText<256> runtime_directory;  // LIMPET_RUNTIME_DIR or /dev/shm/limpet-UID
  sys::FixedText<512> companion;          // LIMPET_COMPANION, empty: beside the library
};

// Reads `environment` (an environ array; may be null). `reports` says whether bad values are told
// on stderr; a process asks for that once.
void ReadOptions(const char* const* environment, bool reports, Options* options);

// Parts, for tests. False leaves `value` as it was.
[[nodiscard]] bool ParseByteCount(const char* text, std::uint64_t* value);  // 4096, 512KiB, 1MB, 2G
[[nodiscard]] bool ParseSwitch(const char* text, bool* value);  // 1 0 true false yes no on off
[[nodiscard]] bool ParseSignal(const char* text, int* value);   // USR1, SIGUSR2, RTMIN+3, 10, none

}  // namespace limpet
