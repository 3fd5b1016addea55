// What a user reads who set a variable wrongly.

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "runtime/options.h"
#include "tests/runtime/sys/child_process.h"

namespace limpet {
namespace {

std::string MessagesOf(std::vector<const char*> variables) {
  Options options;
  variables.push_back(nullptr);
  testing::internal::CaptureStderr();
  ReadOptions(variables.data(), /*reports=*/true, &options);
  return testing::internal::GetCapturedStderr();
}

// One line that names variable and value and says what to do.
void ExpectMessage(const std::string& name, const std::string& value, const std::string& cure) {
  const std::string message = MessagesOf({(name + "=" + value).c_str()});
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 1) << message;
  EXPECT_EQ(message.substr(0, 8 + name.size()), "limpet: " + name) << message;
  EXPECT_NE(message.find("'" + value + "'"), std::string::npos) << message;
  EXPECT_NE(message.find(cure), std::string::npos) << message;
  EXPECT_EQ(message.back(), '\n');
}

TEST(OptionMessages, AreNoneForGoodValues) {
  EXPECT_EQ(MessagesOf({"LIMPET_DISABLE=0", "LIMPET_SAMPLE_BYTES=1MiB", "LIMPET_MAX_BYTES=64M",
                        "LIMPET_SIGNAL=RTMIN+3", "LIMPET_DUMP_AT_EXIT=1", "LIMPET_MMAP=off",
                        "LIMPET_DIR=/d", "LIMPET_RUNTIME_DIR=r", "LIMPET_COMPANION=/c",
                        "LIMPET_LIBRARY=", "LIMPET_MMAP=", "HOME=/root"}),
            "");
}

TEST(OptionMessages, NameVariableValueAndCure) {
  ExpectMessage("LIMPET_SAMPLE_BYTES", "0", "512KiB");
  ExpectMessage("LIMPET_SAMPLE_BYTES", "99999999999999999999", "512KiB");
  ExpectMessage("LIMPET_MAX_BYTES", "1MiB", "2MiB to 4GiB");
  ExpectMessage("LIMPET_SIGNAL", "KILL", "USR1");
  ExpectMessage("LIMPET_DISABLE", "maybe", "0 or 1");
  ExpectMessage("LIMPET_DUMP_AT_EXIT", "2", "0 or 1");
  ExpectMessage("LIMPET_MMAP", "-", "0 or 1");
}

TEST(OptionMessages, AreOneForEachBadVariable) {
  const std::string messages =
      MessagesOf({"LIMPET_MMAP=x", "LIMPET_DISABLE=0", "LIMPET_SIGNAL=x", "LIMPET_X=1"});
  EXPECT_EQ(std::count(messages.begin(), messages.end(), '\n'), 3) << messages;
}

TEST(OptionMessages, NameUnknownVariables) {
  const std::string message = MessagesOf({"LIMPET_SAMPLE_BYTE=1"});
  EXPECT_EQ(message, "limpet: LIMPET_SAMPLE_BYTE: no such setting; `limpet doctor` lists them\n");
}

TEST(OptionMessages, ComeOnlyWhenAskedFor) {
  Options options;
  const char* variables[] = {"LIMPET_MMAP=x", "LIMPET_X=1", nullptr};
  testing::internal::CaptureStderr();
  ReadOptions(variables, /*reports=*/false, &options);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

// The cure and the end of the line must be there however long the value is.
TEST(OptionMessages, AreWholeForAPathThatIsTooLong) {
  for (std::size_t bytes : {400u, 512u, 600u, 5000u}) {
    const std::string path = "/" + std::string(bytes, 'x');
    const std::string message = MessagesOf({("LIMPET_RUNTIME_DIR=" + path).c_str()});
    EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 1) << bytes;
    EXPECT_NE(message.find("expected a path"), std::string::npos) << bytes;
    EXPECT_EQ(message.back(), '\n') << bytes;
  }
}

TEST(OptionMessages, AreWholeForAnUnknownNameThatIsTooLong) {
  const std::string message = MessagesOf({("LIMPET_" + std::string(500, 'X') + "=1").c_str()});
  EXPECT_NE(message.find("no such setting"), std::string::npos);
  EXPECT_EQ(message.back(), '\n');
}

TEST(OptionMessages, AreOneLineThoughTheValueHasTwo) {
  const std::string message = MessagesOf({"LIMPET_SIGNAL=US\nR1"});
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 1) << message;
}

TEST(OptionMessages, TellTheRoomThatAPathHas) {
  const std::string path = "/" + std::string(300, 'x');
  EXPECT_EQ(MessagesOf({("LIMPET_DIR=" + path).c_str()}), "");
  const std::string message = MessagesOf({("LIMPET_DIR=/" + std::string(511, 'x')).c_str()});
  EXPECT_EQ(message.find("255 bytes"), std::string::npos) << "300 bytes were taken";
}

// Nobody reads stderr any more: a program that does not write there itself goes on.
TEST(OptionMessages, DoNotEndAProgramWhoseStderrIsABrokenPipe) {
  test::ExpectInChild([] {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    signal(SIGPIPE, SIG_DFL);
    close(ends[0]);
    dup2(ends[1], STDERR_FILENO);
    Options options;
    const char* variables[] = {"LIMPET_X=1", nullptr};
    ReadOptions(variables, /*reports=*/true, &options);
  });
}

}  // namespace
}  // namespace limpet
