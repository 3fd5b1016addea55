#include "runtime/table/event_table.h"

#include "runtime/layout/allocation_slot.h"
#include "runtime/sys/cheap_atomic.h"

namespace limpet {
namespace {

constexpr std::uint64_t kFirstSites = 128;
constexpr std::uint64_t kSecondSites = 1024;
static_assert(kFirstSites * sizeof(EventSite) == 4096);
constexpr std::uint64_t kFewProbes = 16, kManyProbes = 512;  // where there are more, and at last

std::uint64_t HomeAmong(std::uint64_t sites, std::uint64_t key) {
  return (key * 0x9E3779B97F4A7C15U >> 32) * sites >> 32;
}

}  // namespace

void EventTable::Attach(SegmentWriter* segment) {
  segment_ = segment;
  section_ = &segment->Section(SectionKind::kEvents);
  sites_ = segment->Entries<EventSite>(SectionKind::kEvents);
}

bool EventTable::Add(StackId stack, EventKind kind, std::uint64_t weight,
                     std::uint64_t duration_ns) {
  EventSite* site = FindOrAdd(EventKey(stack, kind));
  if (site == nullptr) return CountLoss(), false;
  sys::AddShared(site->events, weight);
  sys::AddShared(site->duration_ns, duration_ns);
  return true;
}

void EventTable::CountLoss() {
  segment_->counters().dropped_events_full.fetch_add(1, std::memory_order_relaxed);
}

void EventTable::TakeBack(StackId stack, EventKind kind) {
  EventSite* site = FindOrAdd(EventKey(stack, kind));
  if (site == nullptr) return;
  site->events.fetch_sub(kWeightOne, std::memory_order_relaxed);
}

// Once anything is claimed, the page of the first sites is there: all are looked for on it first.
EventSite* EventTable::FindOrAdd(std::uint64_t key) {
  bool has_first_page =
      section_->used.load(std::memory_order_relaxed) != 0 && section_->capacity >= kFirstSites;
  EventSite* home = &sites_[HomeAmong(kFirstSites, key)];
  if (has_first_page && home->key.load(std::memory_order_relaxed) == key) return home;
  Search search = {key, nullptr};
  for (std::uint64_t sites : {kFirstSites, kSecondSites}) {
    if (sites > section_->capacity) break;
    if (IsOverWithin(sites, kFewProbes, &search)) return search.found;
  }
  IsOverWithin(section_->capacity, kManyProbes, &search);
  return search.found;
}

// False: all where it may lie are others'.
bool EventTable::IsOverWithin(std::uint64_t sites, std::uint64_t probes, Search* search) {
  std::uint64_t index = HomeAmong(sites, search->key);
  for (std::uint64_t probe = 0; probe < probes && probe < sites; ++probe) {
    if (IsOverAt(index, search)) return true;
    index = index + 1 < sites ? index + 1 : 0;
  }
  return false;
}

// Claimed by us or before, for this key; or its page cannot be had, and then nowhere else is
// looked: a key has one place, and each further page would be one more call that fails. A page is
// asked for before it is looked at: one that a full file system cannot give is a signal.
bool EventTable::IsOverAt(std::uint64_t index, Search* search) {
  if (!segment_->ClaimAt(*section_, index)) return true;
  std::atomic<std::uint64_t>& claimed = sites_[index].key;
  std::uint64_t found = claimed.load(std::memory_order_relaxed);
  bool is_ours = found == search->key ||
                 (found == 0 &&
                  (claimed.compare_exchange_strong(found, search->key, std::memory_order_relaxed) ||
                   found == search->key));
  if (is_ours) search->found = &sites_[index];
  return is_ours;
}

}  // namespace limpet
