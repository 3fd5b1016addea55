// What LIMPET_* says, read once from the environment without the heap.
//
// A value that is unknown or malformed is reported on stderr in one line and its default is used: a
// program never fails to run because of our settings.
//
// Runs: target startup.  Threads: one.  Allocates: never.
#pragma once

#include <cstdint>

#include "runtime/layout/watch.h"
#include "runtime/setting/setting_table.h"
#include "runtime/sys/fixed_text.h"

namespace limpet {

// All zero until ReadOptions: it is part of a constant-initialised object that must stay in .bss.
struct Options {
  bool is_disabled = false;         // LIMPET_DISABLE
  std::uint64_t sample_bytes = 0;   // LIMPET_SAMPLE_BYTES, 1: every allocation
  std::uint64_t max_bytes = 0;      // LIMPET_MAX_BYTES, 0: by the file system's size
  int dump_signal = 0;              // LIMPET_SIGNAL, 0: none
  bool asks_running = false;        // LIMPET_RUNNING
  std::uint64_t block_rate_ns = 0;  // LIMPET_BLOCK_RATE, 0: finished waits are not added up
  bool dumps_at_exit = false;       // LIMPET_DUMP_AT_EXIT
  bool traces_mappings = false;     // LIMPET_MMAP
  sys::FixedText<kPathBytes> dump_directory;            // LIMPET_DIR, absolute
  sys::FixedText<kRuntimePathBytes> runtime_directory;  // LIMPET_RUNTIME_DIR or /dev/shm/limpet-UID
  bool has_chosen_directory = false;                    // LIMPET_RUNTIME_DIR is set
  sys::FixedText<kPathBytes> companion;  // LIMPET_COMPANION, empty: beside the library
  WatchSettings watch = {};  // LIMPET_EVERY, _DUMP_ON, _KEEP, _MAX_DIR_BYTES, _KEEP_DEAD
  bool is_watched = false;   // LIMPET_WATCH
  sys::FixedText<kProgramListBytes> only;  // LIMPET_ONLY, empty: every program
  bool skips_forked = false;               // LIMPET_FOLLOW
  bool skips_executed = false;
};

// In a forked child, which may be another user by now: the default runtime directory is the user's.
void FollowUser(Options* options);

// Reads `environment` (an environ array; may be null). `reports` says whether bad values are told
// on stderr; a process asks for that once.
void ReadOptions(const char* const* environment, bool reports, Options* options);

}  // namespace limpet
