#include "tools/cli/stacks_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/sample_threads.h"

namespace limpet {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

class StacksJson : public ::testing::Test {
 protected:
  Json Write(std::size_t most_frames = kMostJsonFrames) {
    text_.clear();
    const auto sink = [this](const std::string& piece) {
      text_ += piece;
      largest_piece_ = std::max(largest_piece_, piece.size());
      return absl::OkStatus();
    };
    EXPECT_TRUE(WriteStacksJson(dump_, sink, nullptr, most_frames).ok());
    return Json::parse(text_);
  }

  ThreadDump dump_ = SampleThreads();
  std::string text_;
  std::size_t largest_piece_ = 0;
};

TEST_F(StacksJson, WritesEachStackOnce) {
  const Json json = Write();
  EXPECT_EQ(json["version"], 1);
  ASSERT_EQ(json["threads"].size(), 5U);
  EXPECT_EQ(json["stacks"].size(), 4U) << "of two waits alike, of two others, and of who made them";
  const Json& threads = json["threads"];
  EXPECT_EQ(threads[1]["stack"], threads[2]["stack"]);
  const Json& stack = json["stacks"][threads[3]["stack"].get<std::size_t>()];
  EXPECT_EQ(stack[0]["function"], "Account::Withdraw");
  EXPECT_EQ(stack[0]["line"], 9);
  EXPECT_EQ(json["stacks"][threads[3]["creation_stack"].get<std::size_t>()][0]["function"], "main");
  EXPECT_FALSE(threads[0].contains("stack"));
}

TEST_F(StacksJson, SaysWhatIsMissing) {
  EXPECT_EQ(Write()["alive"], true);
  dump_.is_alive = false;
  dump_.losses = {{"truncated_stacks", "stacks cut", 3}};
  dump_.left_out = {.of_unknown_wait = 2, .others = 5};
  const Json json = Write();
  EXPECT_EQ(json["alive"], false);
  EXPECT_EQ(json["losses"]["truncated_stacks"], 3);
  EXPECT_EQ(json["seen_from_outside"], 1);
  EXPECT_EQ(json["left_out"]["of_unknown_wait"], 2);
  EXPECT_EQ(json["left_out"]["others"], 5);
  EXPECT_EQ(json["stack_frames_left_out"], 0);
}

TEST_F(StacksJson, IsBounded) {
  const Json json = Write(3);
  EXPECT_EQ(json["stacks"].size(), 4U);
  std::size_t frames = 0;
  for (const Json& stack : json["stacks"]) frames += stack.size();
  EXPECT_EQ(frames, 3U);
  EXPECT_EQ(json["stack_frames_left_out"], 4);
}

TEST_F(StacksJson, GoesPieceByPiece) {
  const ListedThread worker = dump_.threads[1];
  dump_.threads.resize(20'000, worker);
  Write();
  EXPECT_GT(text_.size(), std::size_t{1} << 20);
  EXPECT_LT(largest_piece_, std::size_t{80} << 10);
  int pieces = 0;
  const auto full = [&pieces](const std::string&) {
    ++pieces;
    return absl::ResourceExhaustedError("full");
  };
  EXPECT_TRUE(absl::IsResourceExhausted(WriteStacksJson(dump_, full)));
  EXPECT_EQ(pieces, 1);
}

TEST_F(StacksJson, HoldsNothingThatATerminalObeys) {
  dump_.program = "\u009B31m";
  dump_.threads[0].name = "\x9B\u009B\n";
  Write();
  EXPECT_THAT(text_, Not(HasSubstr("\u009B")));
}

}  // namespace
}  // namespace limpet
