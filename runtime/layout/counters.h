// Every way to lose something, one counter each, and what the tracer knows of itself.
//
// A profile that hides its losses lies: readers show each counter that is not zero.
//
// Runs: target hot path (slow side) | companion.  Threads: relaxed adds, no order implied.
// Allocates: never.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

namespace limpet {

using Counter = std::atomic<std::uint64_t>;

// Work done. Each thread counts in its slot; the header's are of threads that have none.
struct WorkCounters {
  Counter samples;        // allocations that became samples
  Counter sample_frees;   // samples whose block was freed
  Counter stack_walks;    // stacks captured; not those of waits whose place is known
  Counter frames_walked;  // frames found by applying a rule
  Counter frames_reused;  // frames taken from the remembered walk after checking them
};

struct SegmentCounters {
  WorkCounters work;
  // Losses.
  Counter dropped_reentrant;  // samples taken inside another sample (a signal handler)
  Counter dropped_starting;   // samples while the segment was being made
  Counter
      dropped_allocations_full;   // samples counted as allocated, but not as in use: no slot left
  Counter dropped_stacks_full;    // samples on the unknown stack: no node or site left
  Counter dropped_mappings_full;  // mappings not recorded: no slot left
  Counter dropped_threads_full;   // threads without a slot
  Counter dropped_modules_full;   // modules without a slot: frames shown as bare addresses
  Counter truncated_stacks;       // stacks cut: too deep, no rule, or left their bounds
  Counter foreign_stacks;         // walked on a stack that is no thread's own (fiber, sigaltstack)
  Counter reservation_failures;   // growth refused: limit, file system or memory
  // Self.
  Counter reserved_bytes;      // pages of this segment that are backed by memory
  Counter private_bytes;       // memory of our own in the target, outside the segment
  Counter signals_received;    // dump signals
  Counter companions_started;  // companions started for them
  // Appended later.
  Counter stale_mappings;       // mappings shown though unmapped: too many threads at one
  Counter dropped_events_full;  // waits and thread creations not added up: no site left
  Counter reserved[6];
};
static_assert(std::is_standard_layout_v<SegmentCounters> &&
              sizeof(SegmentCounters) == 27 * sizeof(Counter));

}  // namespace limpet
