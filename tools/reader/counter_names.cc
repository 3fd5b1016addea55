#include "tools/reader/counter_names.h"

#include <cstddef>

namespace limpet {
namespace {

struct NamedMember {
  const char* name;
  Counter SegmentCounters::*member;
};

struct NamedWork {
  const char* name;
  Counter WorkCounters::*member;
};

constexpr NamedWork kWork[] = {
    {"samples", &WorkCounters::samples},
    {"sample_frees", &WorkCounters::sample_frees},
    {"stack_walks", &WorkCounters::stack_walks},
    {"frames_walked", &WorkCounters::frames_walked},
    {"frames_reused", &WorkCounters::frames_reused},
};
static_assert(sizeof(kWork) / sizeof(kWork[0]) == sizeof(WorkCounters) / sizeof(Counter));

constexpr NamedMember kMembers[] = {
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
    {"dropped_events_full", &SegmentCounters::dropped_events_full},
};

// A counter that gets its place from `reserved` must get its name here.
static_assert(sizeof(kMembers) / sizeof(kMembers[0]) ==
              (offsetof(SegmentCounters, reserved) - sizeof(WorkCounters)) / sizeof(Counter));

}  // namespace

void AddWork(const WorkCounters& from, WorkCounters& to) {
  for (const NamedWork& counter : kWork) to.*counter.member += (from.*counter.member).load();
}

std::vector<std::pair<std::string, std::uint64_t>> NamedCounters(const SegmentCounters& counters) {
  std::vector<std::pair<std::string, std::uint64_t>> named;
  for (const NamedWork& counter : kWork) {
    named.emplace_back(counter.name, (counters.work.*counter.member).load());
  }
  for (const NamedMember& counter : kMembers) {
    named.emplace_back(counter.name, (counters.*counter.member).load());
  }
  return named;
}

}  // namespace limpet
