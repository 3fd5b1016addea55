#include "tools/reader/thread_copy.h"

#include <cstddef>
#include <cstring>

#include "runtime/layout/thread_slot.h"
#include "tools/reader/clock.h"
#include "tools/reader/counter_names.h"

namespace limpet {
namespace {

constexpr std::uint64_t kPartEntries = 4096;
// What entries of every age have.
constexpr std::size_t kComparedBytes = offsetof(ThreadSlot, read_holds);

// What a thread says of its wait.
struct WaitValues {
  std::uint32_t sequence;
  ThreadState state;
  WaitReason reason;
  std::uint64_t object, since_ns, timeout_ns;
  std::uint32_t stack, owner_thread_id;
  std::int32_t descriptor;

  bool operator==(const WaitValues&) const = default;
};

WaitValues ValuesOf(const ThreadSlot& slot) {
  return {.sequence = slot.sequence.load(),
          .state = slot.state.load(),
          .reason = slot.reason.load(),
          .object = slot.object.load(),
          .since_ns = slot.since_ns.load(),
          .timeout_ns = slot.timeout_ns.load(),
          .stack = static_cast<std::uint32_t>(slot.stack.load()),
          .owner_thread_id = slot.owner_thread_id.load(),
          .descriptor = slot.descriptor.load()};
}

WaitValues ValuesOf(const char* entry) {
  ThreadSlot slot{};
  std::memcpy(static_cast<void*>(&slot), entry, kComparedBytes);
  return ValuesOf(slot);
}

bool IsStable(const char* entry) { return ValuesOf(entry).sequence % 2 == 0; }

bool IsSame(const char* one, const char* other) { return ValuesOf(one) == ValuesOf(other); }

void MarkTorn(char* entry) {
  const std::uint32_t odd = ValuesOf(entry).sequence | 1;
  std::memcpy(entry + offsetof(ThreadSlot, sequence), &odd, sizeof(odd));
}

WaitReason KnownReason(WaitReason reason) {
  return reason <= kLastWaitReason ? reason : WaitReason::kNone;
}

void CopyWait(const WaitValues& values, ThreadRecord& record) {
  record.reason = KnownReason(values.reason);
  record.object = values.object;
  record.since_ns = BelievedNs(values.since_ns);
  record.timeout_ns = values.timeout_ns;
  record.descriptor = values.descriptor < 0 ? -1 : values.descriptor;
  record.owner_thread_id = values.owner_thread_id;
  record.stack = values.stack < kRootNodes ? 0 : values.stack;
}

// A root is the stack of nobody: there was no walk.
std::uint64_t AnswerOf(const ThreadSlot& slot) {
  const std::uint64_t answer = slot.running_answer.load();
  return static_cast<std::uint32_t>(answer) < kRootNodes
             ? answer >> kAnswerCountShift << kAnswerCountShift
             : answer;
}

ThreadRecord RecordOf(const ThreadSlot& slot) {
  const auto creation_stack = static_cast<std::uint32_t>(slot.creation_stack.load());
  ThreadRecord record{.thread_id = slot.thread_id.load(),
                      .state = slot.state.load(),
                      .number = slot.number.load(),
                      .creator_number = slot.creator_number.load(),
                      .creator_thread_id = slot.creator_thread_id.load(),
                      .creation_stack = creation_stack < kRootNodes ? 0 : creation_stack,
                      .life = slot.life.load(),
                      .started_ns = BelievedNs(slot.started_ns.load()),
                      .name = std::string(slot.name, strnlen(slot.name, sizeof(slot.name))),
                      .running_answer = AnswerOf(slot),
                      .park_count = slot.park_count.load(),
                      .parked_ns = slot.parked_ns.load()};
  for (int group = 0; group < kWaitGroups; ++group) {
    record.group_ns[group] = slot.group_ns[group].load();
  }
  for (const std::atomic<std::uint64_t>& lock : slot.read_holds.locks)
    if (lock.load() != 0) record.read_locks.push_back(lock.load());
  return record;
}

void Keep(const ThreadSlot& slot, ThreadCopy& result) {
  const WaitValues values = ValuesOf(slot);
  if (values.state == ThreadState::kFree) return;
  if (values.state > ThreadState::kExited) {
    ++result.invalid_slots;
    return;
  }
  ThreadRecord record = RecordOf(slot);
  if (values.sequence % 2 != 0) {
    ++result.torn_slots;
    record.state = ThreadState::kRunning;
  }
  if (record.state == ThreadState::kParked) CopyWait(values, record);
  result.records.push_back(std::move(record));
}

}  // namespace

const SlotRules kThreadRules = {kComparedBytes, IsStable, IsSame, MarkTorn};

absl::StatusOr<ThreadCopy> CopyThreads(const SegmentFile& file, const SectionRange& range,
                                       WorkCounters& work) {
  ThreadCopy result;
  const auto keep = [&result, &work](const SectionCopy& part) {
    for (std::uint64_t index = 0; index < part.count(); ++index) {
      ThreadSlot slot{};
      part.CopyEntry(index, slot);
      AddWork(slot.work, work);
      Keep(slot, result);
    }
    return absl::OkStatus();
  };
  absl::Status status = VisitSlots(file, range, kPartEntries, kThreadRules, keep);
  if (!status.ok()) return status;
  return result;
}

}  // namespace limpet
