#include "tools/profile/loss.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_format.h"
#include "runtime/layout/segment.h"

namespace limpet {
namespace {

struct LossWords {
  const char* name;
  const char* words;
};

constexpr const char* kBlockLosses[] = {"dropped_reentrant",        "dropped_starting",
                                        "dropped_allocations_full", "dropped_mappings_full",
                                        "stale_mappings",           "torn_slots"};

constexpr const char* kWaitLosses[] = {"dropped_events_full"};

constexpr LossWords kLossWords[] = {
    {"dropped_reentrant", "samples dropped, taken inside another sample by a signal handler"},
    {"dropped_starting", "samples dropped while the segment was being made"},
    {"dropped_allocations_full", "samples shown as allocated but not as in use, no slot was left"},
    {"dropped_stacks_full", "samples on the unknown stack, no room for more stacks"},
    {"dropped_mappings_full", "memory mappings not recorded, no slot was left"},
    {"stale_mappings", "times that an unmapping was missed, so that the mapping is still shown"},
    {"dropped_events_full", "waits and thread creations not added up, no room for more"},
    {"dropped_threads_full", "threads not listed, no slot was left"},
    {"dropped_modules_full", "modules without a slot, their frames are bare addresses"},
    {"truncated_stacks", "stacks cut, too deep or without unwind rules"},
    {"foreign_stacks", "stacks of fibers or signal stacks, which may be incomplete"},
    {"reservation_failures",
     "times that growth was refused by LIMPET_MAX_BYTES, /dev/shm or memory"},
};

const char* WordsOf(const std::string& name) {
  for (const LossWords& loss : kLossWords) {
    if (name == loss.name) return loss.words;
  }
  return nullptr;  // counts work, not a loss
}

template <std::size_t kCount>
std::vector<Loss> Without(const char* const (&names)[kCount], std::vector<Loss> losses) {
  std::erase_if(losses, [&names](const Loss& loss) {
    return std::find(std::begin(names), std::end(names), loss.name) != std::end(names);
  });
  return losses;
}

}  // namespace

std::vector<Loss> ListLosses(const SegmentSnapshot& snapshot) {
  std::vector<Loss> losses;
  for (const auto& [name, count] : snapshot.counters) {
    const char* const words = WordsOf(name);
    if (words != nullptr && count != 0) losses.push_back({name, words, count});
  }
  if (snapshot.state == static_cast<std::uint32_t>(SegmentState::kPoisoned)) {
    losses.push_back({"gave_up",
                      "tracing was given up, its memory was refused or damaged by somebody else: "
                      "nothing later is shown, blocks in use may have been freed since",
                      1});
  }
  if (snapshot.torn_slots != 0) {
    losses.push_back({"torn_slots", "blocks left out because they changed while being read",
                      snapshot.torn_slots});
  }
  if (snapshot.torn_threads != 0) {
    losses.push_back({"torn_threads",
                      "threads shown as running because they changed while being read",
                      snapshot.torn_threads});
  }
  if (snapshot.invalid_slots != 0) {
    losses.push_back(
        {"invalid_slots", "damaged entries of the segment left out", snapshot.invalid_slots});
  }
  return losses;
}

std::vector<Loss> ListBlockLosses(const SegmentSnapshot& snapshot) {
  return Without(kWaitLosses, ListLosses(snapshot));
}

std::vector<Loss> ListThreadLosses(const SegmentSnapshot& snapshot) {
  return Without(kBlockLosses, ListLosses(snapshot));
}

std::string LossLine(const Loss& loss) {
  return absl::StrFormat("loss: %s %d: %s", loss.name, loss.count, loss.words);
}

std::uint64_t CounterValue(const SegmentSnapshot& snapshot, const std::string& name) {
  for (const auto& [counter, value] : snapshot.counters) {
    if (counter == name) return value;
  }
  return 0;
}

}  // namespace limpet
