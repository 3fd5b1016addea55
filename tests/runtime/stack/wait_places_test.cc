#include "runtime/stack/wait_places.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

namespace limpet {
namespace {

constexpr std::uint64_t kMain = 0x401000, kLoop = 0x402000, kWait = 0x403000;
constexpr auto kStack = StackId{77}, kOtherStack = StackId{78};
constexpr WaitPlaces::Present kPresent = {.generation = 3, .epoch = 5};

// A stack of three functions, and the walk that was there.
class WaitPlacesTest : public testing::Test {
 protected:
  WaitPlacesTest()
      : places_(std::make_unique<WaitPlaces>()), walk_(std::make_unique<RememberedWalk>()) {
    walk_->depth = 3;
    walk_->generation = kPresent.generation;
    walk_->frames[0] = {.stack_pointer = AddressOf(30), .frame = kMain};
    walk_->frames[1] = {.stack_pointer = AddressOf(20), .frame = kLoop, .rbp_offset = -16};
    walk_->frames[2] = {.stack_pointer = AddressOf(10), .frame = kWait};
    walk_->frames[0].frame_pointer = 0x1234;
    stack_[19] = kLoop;   // where the wait's caller returns to
    stack_[29] = kMain;   // and the loop
    stack_[28] = 0x1234;  // rbp, as the loop saved it
  }

  std::uint64_t AddressOf(int word) const { return reinterpret_cast<std::uint64_t>(&stack_[word]); }
  sys::CallerFrame Caller() const { return {kWait, AddressOf(10), AddressOf(15)}; }
  StackBounds Own() const { return {AddressOf(0), AddressOf(kWords - 1)}; }

  StackId Find() const { return places_->Find(Caller(), Own(), kPresent); }
  void Note(StackId stack = kStack) { places_->Note(Caller(), *walk_, stack, kPresent.epoch); }
  void NoteTwice(StackId stack = kStack) {
    Note(stack);
    Note(stack);
  }

  static constexpr int kWords = 40;
  std::uint64_t stack_[kWords] = {};
  std::unique_ptr<WaitPlaces> places_;
  std::unique_ptr<RememberedWalk> walk_;
};

constexpr StackId kUnknown = WalkedFrame::kNoNode;

TEST_F(WaitPlacesTest, KnowsAPlaceFromItsSecondTimeOn) {
  EXPECT_EQ(Find(), kUnknown);
  Note();
  EXPECT_EQ(Find(), kUnknown);
  Note();
  EXPECT_EQ(Find(), kStack);
}

TEST_F(WaitPlacesTest, DoesNotKnowItWhereAWordOfTheStackDiffers) {
  NoteTwice();
  for (const int word : {19, 28, 29}) {
    const std::uint64_t before = stack_[word];
    stack_[word] = before + 16;
    EXPECT_EQ(Find(), kUnknown) << word;
    stack_[word] = before;
    EXPECT_EQ(Find(), kStack) << word;
  }
}

// A stack of many functions, one for each word.
class DeepWaitPlaces : public testing::Test {
 protected:
  static constexpr int kFrames = 24;

  std::uint64_t AddressOf(int word) const { return reinterpret_cast<std::uint64_t>(&stack_[word]); }
  sys::CallerFrame Caller() const { return {kWait, AddressOf(0), 0}; }

  void NoteTwice() {
    walk_->depth = kFrames + 1;
    walk_->generation = kPresent.generation;
    for (int i = 0; i <= kFrames; ++i) {
      const std::uint64_t code = i == 0 ? kWait : stack_[i - 1];
      walk_->frames[kFrames - i] = {.stack_pointer = AddressOf(i), .frame = code};
    }
    for (int i = 0; i < 2; ++i) places_->Note(Caller(), *walk_, kStack, kPresent.epoch);
  }
  StackId Find() const {
    return places_->Find(Caller(), {AddressOf(0), AddressOf(kFrames)}, kPresent);
  }

  std::uint64_t stack_[kFrames + 1] = {};
  std::unique_ptr<WaitPlaces> places_ = std::make_unique<WaitPlaces>();
  std::unique_ptr<RememberedWalk> walk_ = std::make_unique<RememberedWalk>();
};

TEST_F(DeepWaitPlaces, AreNotKnownWhereAnyTwoWordsAreExchanged) {
  for (int i = 0; i < kFrames; ++i) stack_[i] = kMain + 64 * static_cast<std::uint64_t>(i);
  NoteTwice();
  EXPECT_EQ(Find(), kStack);
  for (int one = 0; one < kFrames; ++one) {
    for (int other = 0; other < one; ++other) {
      std::swap(stack_[one], stack_[other]);
      EXPECT_EQ(Find(), kUnknown) << one << " and " << other;
      std::swap(stack_[one], stack_[other]);
    }
  }
}

// What sums of products, each turned by 13 bits, would take for the same: 20 words further out the
// turns come round.
TEST_F(DeepWaitPlaces, AreNotKnownWhereOneWordTakesBackWhatAnotherAdds) {
  stack_[23] = 4;
  NoteTwice();
  EXPECT_EQ(Find(), kStack);
  stack_[23] = 0;
  stack_[3] = 2;
  EXPECT_EQ(Find(), kUnknown);
}

TEST_F(WaitPlacesTest, DoesNotKnowItByOtherRulesOrForAnotherSegment) {
  NoteTwice();
  EXPECT_EQ(places_->Find(Caller(), Own(), {.generation = 4, .epoch = 5}), kUnknown);
  EXPECT_EQ(places_->Find(Caller(), Own(), {.generation = 3, .epoch = 6}), kUnknown);
}

TEST_F(WaitPlacesTest, LooksAtNothingOutsideOfTheStackAsItIsNow) {
  NoteTwice();
  EXPECT_EQ(places_->Find(Caller(), {AddressOf(11), AddressOf(39)}, kPresent), kUnknown);
  EXPECT_EQ(places_->Find(Caller(), {AddressOf(0), AddressOf(29)}, kPresent), kUnknown);
}

TEST_F(WaitPlacesTest, AsksForTheFramePointerOnlyWhereTheWayDependsOnIt) {
  NoteTwice();
  sys::CallerFrame other = Caller();
  other.frame_pointer += 8;
  EXPECT_EQ(places_->Find(other, Own(), kPresent), kStack);
  walk_->frames[2].needs_rbp = true;
  NoteTwice();
  EXPECT_EQ(places_->Find(other, Own(), kPresent), kUnknown);
  EXPECT_EQ(Find(), kStack);
}

// A function that two others call, in turn.
TEST_F(WaitPlacesTest, KnowsSeveralStacksOfAPlace) {
  const auto come_by = [this](std::uint64_t loop, StackId stack) {
    stack_[19] = loop;
    walk_->frames[1].frame = loop;
    if (Find() != stack) Note(stack);
  };
  for (int turn = 0; turn < 2; ++turn) {
    come_by(kLoop, kStack);
    come_by(kLoop + 64, kOtherStack);
  }
  EXPECT_EQ(Find(), kOtherStack);
  stack_[19] = kLoop;
  EXPECT_EQ(Find(), kStack);
}

// Whatever their hashes are.
TEST_F(WaitPlacesTest, KnowsAnyFourPlacesThatAreComeByInTurn) {
  for (std::uint64_t code = kWait + 1; code < kWait + 200; code += 4) {
    places_ = std::make_unique<WaitPlaces>();
    const auto place = [this, code](std::uint64_t number) {
      return sys::CallerFrame{code + number, AddressOf(10), AddressOf(15)};
    };
    for (std::uint64_t visit = 0; visit < 8; ++visit)
      places_->Note(place(visit % 4), *walk_, StackId{100 + static_cast<std::uint32_t>(visit % 4)},
                    kPresent.epoch);
    for (std::uint32_t number = 0; number < 4; ++number)
      EXPECT_EQ(places_->Find(place(number), Own(), kPresent), StackId{100 + number});
  }
}

TEST_F(WaitPlacesTest, KeepsNoPlaceThatIsWalkedOnce) {
  for (std::uint32_t number = 0; number < 100; ++number) Note(StackId{100 + number});
  EXPECT_EQ(Find(), kUnknown);
}

TEST_F(WaitPlacesTest, KeepsNoneWhoseWordsDoNotTell) {
  walk_->frames[1].rbp_offset = WalkedFrame::kStepAgain;
  NoteTwice();
  EXPECT_EQ(Find(), kUnknown);
  walk_->frames[1].rbp_offset = -16;
  walk_->depth = WaitPlace::kMaxWords + 2;
  NoteTwice();
  EXPECT_EQ(Find(), kUnknown) << "too many";
}

// A distance is 16 bits of words.
TEST_F(WaitPlacesTest, KeepsNoneThatReachesTooFar) {
  constexpr int kFar = 1 << 16;
  const std::vector<std::uint64_t> stack(kFar + 100, kMain);
  const auto address_of = [&stack](int word) {
    return reinterpret_cast<std::uint64_t>(&stack[static_cast<std::size_t>(word)]);
  };
  const StackBounds own = {address_of(0), address_of(kFar + 99)};
  const sys::CallerFrame caller = {kWait, address_of(10), 0};
  walk_->depth = 2;
  walk_->frames[1] = {.stack_pointer = address_of(10), .frame = kWait};
  for (const int first : {10 + kFar - 1, 10 + kFar}) {
    places_ = std::make_unique<WaitPlaces>();
    walk_->frames[0].stack_pointer = address_of(first);
    for (int walks = 0; walks < 2; ++walks) places_->Note(caller, *walk_, StackId(first), 5);
    const bool is_near = first < 10 + kFar;
    EXPECT_EQ(places_->Find(caller, own, kPresent), is_near ? StackId(first) : kUnknown);
  }
}

}  // namespace
}  // namespace limpet
