#include "runtime/table/event_table.h"

#include "runtime/layout/allocation_slot.h"
#include "runtime/sys/cheap_atomic.h"

namespace limpet {
namespace {

constexpr std::uint64_t kFirstSites = 128;
constexpr std::uint64_t kSecondSites = 1024;
constexpr std::uint64_t kFewProbes = 16, kManyProbes = 512;  // where there are more, and at last

}  // namespace

void EventTable::Attach(SegmentWriter* segment) {
  segment_ = segment;
  section_ = &segment->Section(SectionKind::kEvents);
  sites_ = segment->Entries<EventSite>(SectionKind::kEvents);
}

void EventTable::Add(StackId stack, EventKind kind, std::uint64_t weight,
                     std::uint64_t duration_ns) {
  EventSite* site = FindOrAdd(EventKey(stack, kind));
  if (site == nullptr) {
    segment_->counters().dropped_events_full.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  sys::AddShared(site->events, weight);
  sys::AddShared(site->duration_ns, duration_ns);
  sys::AddShared(site->samples, 1);
}

void EventTable::TakeBack(StackId stack, EventKind kind) {
  EventSite* site = FindOrAdd(EventKey(stack, kind));
  if (site == nullptr) return;
  site->events.fetch_sub(kWeightOne, std::memory_order_relaxed);
  site->samples.fetch_sub(1, std::memory_order_relaxed);
}

EventSite* EventTable::FindOrAdd(std::uint64_t key) {
  for (std::uint64_t sites : {kFirstSites, kSecondSites}) {
    if (sites > section_->capacity) break;
    EventSite* site = FindOrAddWithin(sites, key, kFewProbes);
    if (site != nullptr) return site;
  }
  return FindOrAddWithin(section_->capacity, key, kManyProbes);
}

// nullptr: all where it may lie are others'.
EventSite* EventTable::FindOrAddWithin(std::uint64_t sites, std::uint64_t key,
                                       std::uint64_t probes) {
  std::uint64_t index = (key * 0x9E3779B97F4A7C15U >> 32) * sites >> 32;
  for (std::uint64_t probe = 0; probe < probes && probe < sites; ++probe) {
    if (IsClaimed(index, key)) return &sites_[index];
    index = index + 1 < sites ? index + 1 : 0;
  }
  return nullptr;
}

// By us or before, for this key. Its page is asked for first: looking at one that a full file
// system cannot give is a signal.
bool EventTable::IsClaimed(std::uint64_t index, std::uint64_t key) {
  if (!segment_->ClaimAt(*section_, index)) return false;
  std::atomic<std::uint64_t>& claimed = sites_[index].key;
  std::uint64_t found = claimed.load(std::memory_order_relaxed);
  if (found != 0) return found == key;
  return claimed.compare_exchange_strong(found, key, std::memory_order_relaxed) || found == key;
}

}  // namespace limpet
