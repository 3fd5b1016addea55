// What a companion that watches is asked to do, and what it says of itself.
//
//   target --WatchSettings--> companion          once, before the segment is published
//   target <--WatchState----- companion          by pwrite, from time to time
//
// Runs: target startup (settings), dump signal (state) | companion.  Threads: plain data, relaxed.
// Allocates: never.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

namespace limpet {

// From the LIMPET_ variables; 0 is none.
struct WatchSettings {
  std::uint64_t dump_interval_ns;        // LIMPET_EVERY
  std::uint64_t dump_growth_bytes;       // LIMPET_DUMP_ON=growth:, in use since the last dump
  std::uint32_t dump_highwater_percent;  // highwater:, above the highest in use that was dumped
  std::uint32_t dump_cgroup_percent;     // cgroup:, of the memory limit
  std::uint64_t max_dumps;               // LIMPET_KEEP, of this process
  std::uint64_t max_directory_bytes;     // LIMPET_MAX_DIR_BYTES, of all that LIMPET_DIR holds
  std::uint64_t max_dead_segments;       // LIMPET_KEEP_DEAD, of this user

  bool AsksForDumps() const {
    return dump_interval_ns != 0 || dump_growth_bytes != 0 || dump_highwater_percent != 0 ||
           dump_cgroup_percent != 0;
  }
};
static_assert(sizeof(WatchSettings) == 48 && std::is_standard_layout_v<WatchSettings>);

struct WatchState {
  // CLOCK_MONOTONIC. A companion that does not beat may be stopped or dead, and its pid another's.
  std::atomic<std::uint64_t> beat_ns;
  // dump_requests when the last written dump was begun, or the last that the process itself
  // started.
  std::atomic<std::uint32_t> answered_requests;
  std::atomic<std::uint32_t> has_last_profile;  // 1: written after the death of the process
};
static_assert(sizeof(WatchState) == 16 && std::is_standard_layout_v<WatchState>);

inline constexpr std::uint64_t kWatchBeatNs = 1'000'000'000;
// A beat this old is none: a machine under load may be late by some.
inline constexpr std::uint64_t kWatchPatienceNs = 5 * kWatchBeatNs;

// Of time namespaces one may be ahead of the other: a beat of the future counts for as little.
inline bool IsFreshBeat(std::uint64_t beat_ns, std::uint64_t now_ns) {
  std::uint64_t apart_ns = now_ns > beat_ns ? now_ns - beat_ns : beat_ns - now_ns;
  return beat_ns != 0 && apart_ns < kWatchPatienceNs;
}

}  // namespace limpet
