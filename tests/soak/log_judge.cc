#include "tests/soak/log_judge.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_format.h"
#include "runtime/layout/allocation_slot.h"

namespace limpet {
namespace {

// A run of so many mean intervals without a sample has a chance of e^-60.
constexpr std::uint64_t kIntervalsWithoutSample = 60;

// Signed, because less may be in use than was allocated before the call under way.
struct Change {
  std::int64_t objects = 0;
  std::int64_t bytes = 0;

  auto operator<=>(const Change&) const = default;
};

Change operator+(const Change& one, const Change& other) {
  return {one.objects + other.objects, one.bytes + other.bytes};
}
Change Added(const Amount& amount) {
  return {static_cast<std::int64_t>(amount.objects), static_cast<std::int64_t>(amount.bytes)};
}
Change Taken(const Amount& amount) {
  return {-static_cast<std::int64_t>(amount.objects), -static_cast<std::int64_t>(amount.bytes)};
}

bool IsUnderWay(const ThreadLog& thread) { return thread.begun.load() != thread.done.load(); }

// What the calls done make, and what those under way may.
struct Truth {
  Change allocated;
  Change allocating;
  Change in_use;
  std::vector<Change> maybe_in_use;
};

void AddFrees(const ThreadLog& thread, std::uint32_t owner, Truth& truth) {
  const bool is_of_owner = IsUnderWay(thread) && thread.call.freed_owner == owner;
  truth.in_use = truth.in_use + Taken(is_of_owner ? thread.call.freed_before : thread.freed[owner]);
  if (is_of_owner && thread.call.frees.objects != 0)
    truth.maybe_in_use.push_back(Taken(thread.call.frees));
}

Truth TruthOf(const ProcessLog& log, std::uint32_t owner) {
  Truth truth;
  const ThreadLog& own = log.threads[owner];
  truth.allocated = Added(IsUnderWay(own) ? own.call.allocated_before : own.allocated);
  truth.in_use = truth.allocated;
  if (IsUnderWay(own) && own.call.allocates.objects != 0) {
    truth.allocating = Added(own.call.allocates);
    truth.maybe_in_use.push_back(truth.allocating);
  }
  for (const ThreadLog& thread : log.threads) AddFrees(thread, owner, truth);
  return truth;
}

std::set<Change> AllowedInUse(const Truth& truth) {
  std::set<Change> allowed = {truth.in_use};
  for (const Change& maybe : truth.maybe_in_use) {
    for (const Change& without : std::set<Change>(allowed)) allowed.insert(without + maybe);
  }
  return allowed;
}

// What the segment says of each thread's stacks.
struct Counted {
  Change allocated;
  Change in_use;
};

constexpr std::uint32_t kNobody = kMaxOwners;

std::uint32_t OwnerOf(const StackRecord& stack, const ProcessLog& log) {
  for (const FrameRecord& frame : stack.frames) {
    for (std::uint32_t owner = 0; owner < kMaxOwners; ++owner) {
      if (log.threads[owner].mark.load() == frame.address && frame.address != 0) return owner;
    }
  }
  return kNobody;
}

std::vector<Counted> Count(const SegmentSnapshot& snapshot, const ProcessLog& log) {
  std::map<std::uint32_t, std::uint32_t> owners;
  for (const auto& [id, stack] : snapshot.stacks) owners[id] = OwnerOf(stack, log);
  std::vector<Counted> counted(kMaxOwners + 1);
  for (const SiteRecord& site : snapshot.sites) {
    Change& sum = counted[owners[site.stack]].allocated;
    sum = sum + Added({site.allocated_objects_weight >> kWeightBits, site.allocated_bytes});
  }
  for (const AllocationRecord& record : snapshot.allocations) {
    Change& sum = counted[owners[record.stack]].in_use;
    sum = sum + Added({record.weight >> kWeightBits, record.requested_bytes});
  }
  return counted;
}

std::string Text(const Change& change) {
  return absl::StrFormat("%d objects, %d bytes", change.objects, change.bytes);
}

void NoteDifference(const Change& said, const Change& truth, Verdict& verdict) {
  auto distance = [](std::int64_t one, std::int64_t other) {
    return static_cast<std::uint64_t>(one < other ? other - one : one - other);
  };
  verdict.objects_off = std::max(verdict.objects_off, distance(said.objects, truth.objects));
  verdict.bytes_off = std::max(verdict.bytes_off, distance(said.bytes, truth.bytes));
}

void JudgeOwner(std::uint32_t owner, const Counted& said, const Truth& truth, Verdict& verdict) {
  const Change most = truth.allocated + truth.allocating;
  const bool is_allocated_right =
      said.allocated.objects >= truth.allocated.objects && said.allocated.objects <= most.objects &&
      said.allocated.bytes >= truth.allocated.bytes && said.allocated.bytes <= most.bytes;
  if (!is_allocated_right) {
    verdict.problems.push_back(absl::StrFormat("thread %d allocated %s, the segment says %s", owner,
                                               Text(truth.allocated), Text(said.allocated)));
  }
  if (!AllowedInUse(truth).contains(said.in_use)) {
    verdict.problems.push_back(absl::StrFormat("thread %d has in use %s, the segment says %s",
                                               owner, Text(truth.in_use), Text(said.in_use)));
  }
  if (said.allocated != truth.allocated || said.in_use != truth.in_use) ++verdict.owners_off;
  NoteDifference(said.allocated, truth.allocated, verdict);
  NoteDifference(said.in_use, truth.in_use, verdict);
}

// Allocated comes before in use, so a stack never has more in use than was allocated there.
void JudgeSums(const SegmentSnapshot& snapshot, Verdict& verdict) {
  std::map<std::uint32_t, Amount> in_use;
  for (const AllocationRecord& record : snapshot.allocations) {
    Amount& sum = in_use[record.stack];
    sum.objects += record.weight;
    sum.bytes += WeightedBytes(record.requested_bytes, record.weight);
  }
  for (const SiteRecord& site : snapshot.sites) {
    const Amount sum = in_use[site.stack];
    in_use.erase(site.stack);
    if (sum.objects <= site.allocated_objects_weight && sum.bytes <= site.allocated_bytes) continue;
    verdict.problems.push_back(
        absl::StrFormat("stack %d has more in use than was allocated", site.stack));
  }
  if (!in_use.empty()) verdict.problems.push_back("blocks in use of stacks that allocated nothing");
}

// Where not all is recorded the segment is made at the first sample, and others' are lost
// meanwhile.
bool IsLoss(const std::string& counter, bool is_exact) {
  if (counter == "dropped_starting") return is_exact;
  return counter.starts_with("dropped_") || counter == "truncated_stacks" ||
         counter == "reservation_failures" || counter == "stale_mappings";
}

void JudgeLosses(const SegmentSnapshot& snapshot, Verdict& verdict) {
  const bool is_exact = snapshot.sample_interval_bytes == 1;
  for (const auto& [name, value] : snapshot.counters) {
    if (value != 0 && IsLoss(name, is_exact))
      verdict.problems.push_back(absl::StrFormat("%s %d", name, value));
    if (name == "dropped_starting") verdict.starting += value;
  }
  if (snapshot.invalid_slots != 0)
    verdict.problems.push_back(absl::StrFormat("%d invalid slots", snapshot.invalid_slots));
  // Each thread writes one slot at a time.
  if (snapshot.torn_slots > snapshot.threads.size())
    verdict.problems.push_back(absl::StrFormat("%d torn slots", snapshot.torn_slots));
}

Verdict CountCalls(const ProcessLog& log) {
  Verdict verdict;
  for (const ThreadLog& thread : log.threads) {
    verdict.calls += thread.done.load();
    if (IsUnderWay(thread)) ++verdict.under_way;
  }
  return verdict;
}

}  // namespace

void Verdict::Add(const Verdict& other) {
  problems.insert(problems.end(), other.problems.begin(), other.problems.end());
  calls += other.calls;
  under_way += other.under_way;
  owners_off += other.owners_off;
  objects_off = std::max(objects_off, other.objects_off);
  bytes_off = std::max(bytes_off, other.bytes_off);
  starting += other.starting;
}

Verdict JudgeSegment(const SegmentSnapshot& snapshot, const ProcessLog& log) {
  Verdict verdict = CountCalls(log);
  JudgeSums(snapshot, verdict);
  JudgeLosses(snapshot, verdict);
  if (snapshot.sample_interval_bytes != 1) return verdict;
  const std::vector<Counted> counted = Count(snapshot, log);
  for (std::uint32_t owner = 0; owner < kMaxOwners; ++owner)
    JudgeOwner(owner, counted[owner], TruthOf(log, owner), verdict);
  return verdict;
}

Verdict JudgeAbsence(const ProcessLog& log, std::uint64_t sample_bytes) {
  Verdict verdict = CountCalls(log);
  Change allocated;
  for (std::uint32_t owner = 0; owner < kMaxOwners; ++owner)
    allocated = allocated + TruthOf(log, owner).allocated;
  const auto bytes = static_cast<std::uint64_t>(allocated.bytes);
  const bool may_be =
      sample_bytes == 1 ? bytes == 0 : bytes < kIntervalsWithoutSample * sample_bytes;
  if (!may_be) verdict.problems.push_back("never began, but allocated " + Text(allocated));
  return verdict;
}

}  // namespace limpet
