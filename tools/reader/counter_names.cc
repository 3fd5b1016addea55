#include "tools/reader/counter_names.h"

#include <cstddef>

namespace limpet {
namespace {

struct NamedMember {
  const char* name;
  Counter SegmentCounters::*member;
};

constexpr NamedMember kMembers[] = {
    {"samples", &SegmentCounters::samples},
    {"sample_frees", &SegmentCounters::sample_frees},
    {"stack_walks", &SegmentCounters::stack_walks},
    {"frames_walked", &SegmentCounters::frames_walked},
    {"frames_reused", &SegmentCounters::frames_reused},
    {"dropped_reentrant", &SegmentCounters::dropped_reentrant},
    {"dropped_starting", &SegmentCounters::dropped_starting},
    {"dropped_allocations_full", &SegmentCounters::dropped_allocations_full},
    {"dropped_stacks_full", &SegmentCounters::dropped_stacks_full},
    {"dropped_mappings_full", &SegmentCounters::dropped_mappings_full},
    {"dropped_threads_full", &SegmentCounters::dropped_threads_full},
    {"dropped_modules_full", &SegmentCounters::dropped_modules_full},
    {"truncated_stacks", &SegmentCounters::truncated_stacks},
    {"foreign_stacks", &SegmentCounters::foreign_stacks},
    {"reservation_failures", &SegmentCounters::reservation_failures},
    {"reserved_bytes", &SegmentCounters::reserved_bytes},
    {"private_bytes", &SegmentCounters::private_bytes},
    {"signals_received", &SegmentCounters::signals_received},
    {"companions_started", &SegmentCounters::companions_started},
    {"stale_mappings", &SegmentCounters::stale_mappings},
};

// A counter that gets its place from `reserved` must get its name here.
static_assert(sizeof(kMembers) / sizeof(kMembers[0]) ==
              offsetof(SegmentCounters, reserved) / sizeof(Counter));

}  // namespace

std::vector<std::pair<std::string, std::uint64_t>> NamedCounters(const SegmentCounters& counters) {
  std::vector<std::pair<std::string, std::uint64_t>> named;
  for (const NamedMember& counter : kMembers) {
    named.emplace_back(counter.name, (counters.*counter.member).load());
  }
  return named;
}

}  // namespace limpet
