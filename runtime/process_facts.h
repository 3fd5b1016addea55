// What a segment says of its process: who it is, how it was started, what was asked for.
//
// Runs: target hot path (cold side: once a segment), startup.  Threads: any; async-signal-safe.
// Allocates: never.
#pragma once

#include <cstdint>

#include "runtime/layout/segment.h"
#include "runtime/options.h"

namespace limpet {

// All of the header but what the segment's writer and the dump signal know.
void FillProcessFacts(const Options& options, std::uint64_t start_ticks, SegmentHeader* header);

// False where LIMPET_ONLY or LIMPET_FOLLOW leave this program out.
bool IsChosenProcess(const Options& options);

}  // namespace limpet
