// What a reader sees of a wait belongs together, however fast waits follow each other:
// LIMPET_LONG=1 reads 10,000 times.

#include <pthread.h>

#include <algorithm>
#include <map>

#include "runtime/layout/thread_slot.h"
#include "tests/preload/snapshot_facts.h"
#include "tests/support/thread_facts.h"

namespace limpet {
namespace {

constexpr char kConditionTurns[] = LIMPET_PROGRAMS "/condition_turns";
constexpr std::uint64_t kDepths = 16;  // as the program has it

// Of one wait, what each of its parts says of where it is.
struct Place {
  char thread = '?';
  std::uint64_t depth = kDepths;

  bool operator==(const Place&) const = default;
};

class Turns {
 public:
  Turns() : program_({kConditionTurns}, {}) {
    mutex_ = NumberIn(program_.ReadLine());
    conditions_ = NumberIn(program_.ReadLine());
    program_.WaitUntilReady();
  }

  void Look() {
    const absl::StatusOr<SegmentSnapshot> snapshot = ReadSegment(program_.Segments().front());
    ASSERT_TRUE(snapshot.ok()) << snapshot.status();
    torn += snapshot->torn_threads;
    EXPECT_EQ(snapshot->invalid_slots, 0u);
    for (const ThreadRecord& thread : snapshot->threads) {
      const bool is_one = thread.name.rfind("turn", 0) == 0 && IsParked(thread);
      if (is_one) Check(*snapshot, thread);
    }
  }

  std::uint64_t End() {
    program_.Continue();
    const std::uint64_t turns = NumberIn(program_.ReadLine());
    EXPECT_EQ(program_.Finish(), 0);
    return turns;
  }

  std::uint64_t conditions = 0, mutexes = 0, torn = 0;
  std::map<std::uint64_t, std::uint64_t> seen;  // looks, by condition

 private:
  // From the innermost function outwards: the one that waits, `Descend` as often as it is deep.
  struct Shape {
    std::string leaf;
    std::uint64_t depth = 0;
    bool is_whole = false;
  };

  void Check(const SegmentSnapshot& snapshot, const ThreadRecord& thread) {
    const Shape& shape = ShapeOf(snapshot, thread.stack);
    EXPECT_TRUE(shape.is_whole) << thread.stack;
    if (thread.reason == WaitReason::kMutex) {
      ++mutexes;
      EXPECT_EQ(thread.object, mutex_);
      EXPECT_EQ(shape.leaf, "LockForTurn");
      EXPECT_LT(shape.depth, kDepths);
      return;
    }
    ++conditions;
    ++seen[thread.object];
    ASSERT_EQ(thread.reason, WaitReason::kCondition);
    EXPECT_EQ(shape.leaf, "WaitForTurn");
    EXPECT_EQ(PlaceOf(thread.object), (Place{thread.name.back(), shape.depth}));
  }

  Place PlaceOf(std::uint64_t condition) const {
    const std::uint64_t index = (condition - conditions_) / sizeof(pthread_cond_t);
    return {static_cast<char>('0' + index / kDepths), index % kDepths};
  }

  const Shape& ShapeOf(const SegmentSnapshot& snapshot, std::uint32_t stack) {
    const auto [place, is_new] = shapes_.try_emplace(stack);
    if (is_new) place->second = LookUp(snapshot, stack);
    return place->second;
  }

  static Shape LookUp(const SegmentSnapshot& snapshot, std::uint32_t stack) {
    std::vector<std::string> names;
    for (const SourceFrame& frame : FramesOf(snapshot, stack)) names.push_back(Base(frame.name));
    if (names.empty()) return {};
    auto frame = names.begin() + 1;
    if (names.front() == "LockForTurn" && frame != names.end() && *frame == "WaitForTurn") ++frame;
    const auto outer =
        std::find_if(frame, names.end(), [](const std::string& name) { return name != "Descend"; });
    const bool is_whole =
        !snapshot.stacks.at(stack).is_truncated && outer != names.end() && *outer == "TakeTurns";
    // The innermost one waits, and is no call deeper.
    return {names.front(), static_cast<std::uint64_t>(outer - frame) - 1, is_whole};
  }

  static std::string Base(const std::string& name) {
    const std::string plain = name.substr(0, name.find('(', 1));
    const std::size_t colons = name.find("::");
    if (colons == std::string::npos) return plain;
    return name.substr(colons + 2, name.find('(', colons) - colons - 2);
  }

  TracedProgram program_;
  std::uint64_t mutex_ = 0;
  std::uint64_t conditions_ = 0;
  std::map<std::uint32_t, Shape> shapes_;
};

TEST(ConsistentWaits, AreReadAsOneWhileTurnsPass) {
  const int looks = std::stoi(Repeats(500, 10'000));
  Turns turns;
  // On a machine at work they stand still for many looks.
  const auto has_enough = [&](int look) {
    return look >= looks && (turns.seen.size() > kDepths || look >= 20 * looks);
  };
  for (int look = 0; !has_enough(look) && !testing::Test::HasFailure(); ++look) turns.Look();
  EXPECT_GT(turns.conditions, static_cast<std::uint64_t>(looks)) << "of four, most wait";
  EXPECT_GT(turns.seen.size(), kDepths) << "of 64";
  RecordProperty("mutexes", std::to_string(turns.mutexes));
  RecordProperty("torn", std::to_string(turns.torn));
  const std::uint64_t passed = turns.End();
  RecordProperty("turns", std::to_string(passed));
  EXPECT_GT(passed, static_cast<std::uint64_t>(looks)) << "they went on";
}

}  // namespace
}  // namespace limpet
