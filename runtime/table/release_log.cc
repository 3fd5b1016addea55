#include "runtime/table/release_log.h"

namespace limpet {
namespace {

// Only a few, and nearly in order.
void InsertByTime(const Release& release, std::uint32_t count, Release* releases) {
  std::uint32_t at = count;
  for (; at != 0 && releases[at - 1].time_ns > release.time_ns; --at)
    releases[at] = releases[at - 1];
  releases[at] = release;
}

}  // namespace

void ReleaseLog::Attach(SegmentWriter* segment) {
  segment_ = segment;
  section_ = &segment->Section(SectionKind::kReleases);
  slots_ = segment->Entries<ReleaseSlot>(SectionKind::kReleases);
}

ReleaseSlot* ReleaseLog::SlotOf(std::uint64_t object) const {
  std::uint64_t index = (object * 0x9E3779B97F4A7C15U >> 32) * section_->capacity >> 32;
  return segment_->ClaimAt(*section_, index) ? &slots_[index] : nullptr;
}

void ReleaseLog::Note(std::uint64_t object, const Release& release) {
  ReleaseSlot* slot = SlotOf(object);
  if (slot == nullptr) return;
  std::uint64_t place = slot->count.fetch_add(1, std::memory_order_relaxed) % kKeptReleases;
  ReleaseEntry& entry = slot->releases[place];
  std::uint64_t number = std::uint64_t{release.thread_number} << kReleaserShift;
  entry.object.store(0, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  entry.time_ns.store(release.time_ns, std::memory_order_relaxed);
  entry.who.store(number | static_cast<std::uint32_t>(release.stack), std::memory_order_relaxed);
  entry.object.store(object, std::memory_order_release);  // last: it is whole
}

// Others go on to let it go while the one that waited looks here.
std::uint32_t ReleaseLog::Between(std::uint64_t from_ns, std::uint64_t until_ns,
                                  std::uint64_t object, Release (&found)[kKeptReleases]) const {
  const ReleaseSlot* slot = object != 0 ? SlotOf(object) : nullptr;
  if (slot == nullptr) return 0;
  std::uint32_t count = 0;
  for (const ReleaseEntry& entry : slot->releases) {
    if (entry.object.load(std::memory_order_acquire) != object) continue;
    std::uint64_t time_ns = entry.time_ns.load(std::memory_order_relaxed);
    std::uint64_t who = entry.who.load(std::memory_order_relaxed);
    if (time_ns <= from_ns || time_ns > until_ns) continue;
    Release release = {time_ns, StackId{static_cast<std::uint32_t>(who)},
                       static_cast<std::uint32_t>(who >> kReleaserShift)};
    InsertByTime(release, count++, found);
  }
  return count;
}

}  // namespace limpet
