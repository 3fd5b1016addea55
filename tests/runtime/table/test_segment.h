// A segment in memory of no file system, so that a test sees nothing but the tables in it.
//
// Runs: tests.  Threads: any after construction.  Allocates: yes.
#pragma once

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <memory>

#include "runtime/table/segment_writer.h"

namespace limpet::test {

inline constexpr std::uint64_t kMiB = 1 << 20;

// A file without a name: writers find no file system to ask for room, and so are not refused.
inline SegmentFile MakeSegmentMemory(std::uint64_t bytes) {
  SegmentFile file;
  file.bytes = bytes;
  file.descriptor = memfd_create("segment", MFD_CLOEXEC);
  if (file.descriptor < 0 || ftruncate(file.descriptor, static_cast<off_t>(bytes)) != 0) abort();
  return file;
}

// A mapped writer; its mapping stays until the test program ends.
inline std::unique_ptr<SegmentWriter> MakeSegment(std::uint64_t bytes) {
  auto segment = std::make_unique<SegmentWriter>();
  SegmentFile file = MakeSegmentMemory(bytes);
  if (!segment->Map(file)) abort();
  CloseSegmentFile(&file);
  return segment;
}

inline std::uint64_t Capacity(const SegmentWriter& segment, SectionKind kind) {
  return segment.Section(kind).capacity;
}
inline std::uint64_t Used(const SegmentWriter& segment, SectionKind kind) {
  return segment.Section(kind).used.load();
}

}  // namespace limpet::test
