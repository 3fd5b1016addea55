// The file behind a segment: where it lies, how large it may be, and how it comes and goes.
//
//   <runtime directory>/<pid>-<start ticks>.segment      mode 0600, in a directory of mode 0700
//
// The descriptor is closed as soon as the file is mapped: programs count and close descriptors.
//
// Runs: target hot path (cold side: at the first sample, and as the segment grows) and at exit.
// Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <cstdint>

#include "runtime/sys/fixed_text.h"

namespace limpet {

using SegmentPath = sys::FixedText<320>;

struct SegmentFileLimits {
  std::uint64_t bytes = 0;              // of the new file
  std::uint64_t max_dead_segments = 0;  // that may stay beside it
  std::uint64_t max_removed = 4;  // of dead ones beyond that: a process that starts is in haste
  // A forked child need not read the directory where its parent did: free space tells what has come
  // since, at most.
  bool trusts_parent = false;
};

struct SegmentFile {
  SegmentPath path;
  std::uint64_t bytes = 0;
  int descriptor = -1;
};

// Creates the file of this process, replacing one that an earlier program image of the same process
// left. Its size is `limits.bytes` or less, as free space and the process's own limits allow: all
// segments of the directory together take at most a quarter of what is free at that moment, and
// this one a small part of the address space that is left. False: none, nothing is left behind.
//
// Segments of dead processes stay as evidence, but not without bound: runtime_directory.h.
[[nodiscard]] bool CreateSegmentFile(const char* directory, std::uint64_t start_ticks,
                                     const SegmentFileLimits& limits, SegmentFile* file);

void CloseSegmentFile(SegmentFile* file);
bool RemoveSegmentFile(const SegmentPath& path);

// Where its owner's rights are about to be given up: kRightsGivenUpMode.
void MarkRightsGivenUp(const SegmentPath& path);

// <directory>/<own pid>-<start ticks>.segment
SegmentPath SegmentPathOf(const char* directory, std::uint64_t start_ticks);

// Bytes by which a segment in `directory` may grow without all that are there taking more than a
// quarter of the free space. No bound where that cannot be known (chroot, rights given up): the
// size of the file is one anyway.
[[nodiscard]] std::uint64_t RoomToGrow(const char* directory);

// Size of the file system that holds the runtime directory, 0: unknown.
std::uint64_t FileSystemBytes(const char* directory);

}  // namespace limpet
