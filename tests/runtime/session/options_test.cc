#include "runtime/options.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "tests/runtime/sys/child_process.h"
#include "tests/support/temporary_directory.h"

namespace limpet {
namespace {

constexpr std::uint64_t kUntouched = 4711;

std::uint64_t BytesOf(const char* text) {
  std::uint64_t value = kUntouched;
  EXPECT_TRUE(ParseByteCount(text, &value)) << text;
  return value;
}

int SignalOf(const char* text) {
  int value = -1;
  EXPECT_TRUE(ParseSignal(text, &value)) << text;
  return value;
}

// What a program started with these variables would have.
Options OptionsOf(std::vector<const char*> variables) {
  Options options;
  variables.push_back(nullptr);
  ReadOptions(variables.data(), /*reports=*/false, &options);
  return options;
}

TEST(ParseByteCount, TakesPlainNumbers) {
  EXPECT_EQ(BytesOf("0"), 0u);
  EXPECT_EQ(BytesOf("4096"), 4096u);
  EXPECT_EQ(BytesOf("007"), 7u);
  EXPECT_EQ(BytesOf("18446744073709551615"), UINT64_MAX);
}

TEST(ParseByteCount, TakesUnits) {
  EXPECT_EQ(BytesOf("5B"), 5u);
  EXPECT_EQ(BytesOf("3K"), 3u << 10);
  EXPECT_EQ(BytesOf("512KiB"), 512u << 10);
  EXPECT_EQ(BytesOf("2KB"), 2000u);
  EXPECT_EQ(BytesOf("2M"), 2u << 20);
  EXPECT_EQ(BytesOf("1MiB"), 1u << 20);
  EXPECT_EQ(BytesOf("1MB"), 1'000'000u);
  EXPECT_EQ(BytesOf("2G"), std::uint64_t{2} << 30);
  EXPECT_EQ(BytesOf("4GiB"), std::uint64_t{4} << 30);
  EXPECT_EQ(BytesOf("1GB"), 1'000'000'000u);
}

TEST(ParseByteCount, TakesUnitsInAnyCase) {
  EXPECT_EQ(BytesOf("1kib"), 1024u);
  EXPECT_EQ(BytesOf("1KIB"), 1024u);
  EXPECT_EQ(BytesOf("1mb"), 1'000'000u);
}

TEST(ParseByteCount, RefusesWhatIsNoSizeAndLeavesTheValue) {
  for (const char* text : {"", " ", "KiB", "-1", "+1", "1 KiB", " 1", "1 ", "1.5MiB", "0x10",
                           "1KiBs", "1Ki", "1iB", "1PB", "ten", "1\n"}) {
    std::uint64_t value = kUntouched;
    EXPECT_FALSE(ParseByteCount(text, &value)) << text;
    EXPECT_EQ(value, kUntouched) << text;
  }
}

TEST(ParseByteCount, RefusesWhatOverflowsAndLeavesTheValue) {
  for (const char* text : {"18446744073709551616", "99999999999999999999999",
                           "18446744073709551615K", "17179869184GiB", "18446744074GB"}) {
    std::uint64_t value = kUntouched;
    EXPECT_FALSE(ParseByteCount(text, &value)) << text;
    EXPECT_EQ(value, kUntouched) << text;
  }
}

TEST(ParseSwitch, TakesYesAndNoInManyWords) {
  for (const char* text : {"1", "true", "yes", "on", "TRUE", "Yes", "oN"}) {
    bool value = false;
    EXPECT_TRUE(ParseSwitch(text, &value)) << text;
    EXPECT_TRUE(value) << text;
  }
  for (const char* text : {"0", "false", "no", "off", "FALSE", "No", "OFF"}) {
    bool value = true;
    EXPECT_TRUE(ParseSwitch(text, &value)) << text;
    EXPECT_FALSE(value) << text;
  }
}

TEST(ParseSwitch, RefusesOtherWordsAndLeavesTheValue) {
  for (const char* text : {"", "2", "01", "y", "n", "truee", "tru", " 1", "1 ", "none"}) {
    for (const bool before : {false, true}) {
      bool value = before;
      EXPECT_FALSE(ParseSwitch(text, &value)) << text;
      EXPECT_EQ(value, before) << text;
    }
  }
}

TEST(ParseSignal, TakesNames) {
  EXPECT_EQ(SignalOf("USR1"), SIGUSR1);
  EXPECT_EQ(SignalOf("SIGUSR2"), SIGUSR2);
  EXPECT_EQ(SignalOf("sighup"), SIGHUP);
  EXPECT_EQ(SignalOf("Quit"), SIGQUIT);
  EXPECT_EQ(SignalOf("winch"), SIGWINCH);
  EXPECT_EQ(SignalOf("none"), 0);
}

TEST(ParseSignal, TakesNumbers) {
  EXPECT_EQ(SignalOf("10"), SIGUSR1);
  EXPECT_EQ(SignalOf("1"), SIGHUP);
  EXPECT_EQ(SignalOf("64"), 64);
}

TEST(ParseSignal, TakesRealtimeSignals) {
  EXPECT_EQ(SignalOf("RTMIN"), SIGRTMIN);
  EXPECT_EQ(SignalOf("SIGRTMIN+3"), SIGRTMIN + 3);
  EXPECT_EQ(SignalOf("rtmin+0"), SIGRTMIN);
  EXPECT_EQ(SignalOf("RTMIN+30"), 64);
}

TEST(ParseSignal, RefusesWhatIsNoSignalAndLeavesTheValue) {
  for (const char* text :
       {"", "0", "65", "-1", "USR", "USR11", "SIG", "RTMIN+", "RTMIN+31", "RTMIN-1", "RTMAX", "10x",
        "x10", " 10", "18446744073709551626", "RTMIN+99999999"}) {
    int value = -1;
    EXPECT_FALSE(ParseSignal(text, &value)) << text;
    EXPECT_EQ(value, -1) << text;
  }
}

TEST(ParseSignal, RefusesWhatCannotBeHandled) {
  for (const char* text : {"9", "19", "32", "33", "KILL", "SIGSTOP"}) {
    int value = -1;
    EXPECT_FALSE(ParseSignal(text, &value)) << text;
  }
}

// A handler that returns from a fault runs the faulting instruction again, for ever: a program that
// would crash hangs instead.
TEST(ParseSignal, RefusesSignalsThatFaultsRaise) {
  for (int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
    int value = -1;
    EXPECT_FALSE(ParseSignal(std::to_string(signal).c_str(), &value)) << signal;
  }
}

TEST(ReadOptions, HasDefaultsWithoutEnvironment) {
  Options options;
  ReadOptions(nullptr, /*reports=*/true, &options);
  EXPECT_FALSE(options.is_disabled);
  EXPECT_EQ(options.sample_bytes, 512u << 10);
  EXPECT_EQ(options.max_bytes, 0u);
  EXPECT_EQ(options.dump_signal, SIGUSR1);
  EXPECT_FALSE(options.dumps_at_exit);
  EXPECT_FALSE(options.traces_mappings);
  EXPECT_EQ(options.dump_directory.c_str(), std::filesystem::current_path().string() + "/limpet");
  EXPECT_EQ(options.runtime_directory.c_str(), "/dev/shm/limpet-" + std::to_string(geteuid()));
  EXPECT_STREQ(options.companion.c_str(), "");
}

TEST(ReadOptions, TakesEveryVariable) {
  const Options options =
      OptionsOf({"LIMPET_DISABLE=1", "LIMPET_SAMPLE_BYTES=1", "LIMPET_MAX_BYTES=4GiB",
                 "LIMPET_SIGNAL=none", "LIMPET_DUMP_AT_EXIT=yes", "LIMPET_MMAP=on", "LIMPET_DIR=/d",
                 "LIMPET_RUNTIME_DIR=/r", "LIMPET_COMPANION=/c", "LIMPET_LIBRARY=/l"});
  EXPECT_TRUE(options.is_disabled);
  EXPECT_EQ(options.sample_bytes, 1u);
  EXPECT_EQ(options.max_bytes, std::uint64_t{4} << 30);
  EXPECT_EQ(options.dump_signal, 0);
  EXPECT_TRUE(options.dumps_at_exit);
  EXPECT_TRUE(options.traces_mappings);
  EXPECT_STREQ(options.dump_directory.c_str(), "/d");
  EXPECT_STREQ(options.runtime_directory.c_str(), "/r");
  EXPECT_STREQ(options.companion.c_str(), "/c");
}

TEST(ReadOptions, ForgetsWhatWasThereBefore) {
  Options options = OptionsOf({"LIMPET_DISABLE=1", "LIMPET_DIR=/elsewhere"});
  const char* none[] = {nullptr};
  ReadOptions(none, /*reports=*/false, &options);
  EXPECT_FALSE(options.is_disabled);
  EXPECT_STRNE(options.dump_directory.c_str(), "/elsewhere");
}

TEST(ReadOptions, TakesAnEmptyVariableAsNotSet) {
  const Options options = OptionsOf({"LIMPET_SAMPLE_BYTES=", "LIMPET_SIGNAL=", "LIMPET_DIR="});
  EXPECT_EQ(options.sample_bytes, kDefaultSampleBytes);
  EXPECT_EQ(options.dump_signal, SIGUSR1);
  EXPECT_STRNE(options.dump_directory.c_str(), "");
}

TEST(ReadOptions, KeepsTheDefaultOfABadValue) {
  EXPECT_EQ(OptionsOf({"LIMPET_SAMPLE_BYTES=0"}).sample_bytes, kDefaultSampleBytes);
  EXPECT_EQ(OptionsOf({"LIMPET_SAMPLE_BYTES=1025GiB"}).sample_bytes, kDefaultSampleBytes);
  EXPECT_EQ(OptionsOf({"LIMPET_SAMPLE_BYTES=1024GiB"}).sample_bytes, kMaxSampleBytes);
  EXPECT_EQ(OptionsOf({"LIMPET_MAX_BYTES=2097151"}).max_bytes, 0u);
  EXPECT_EQ(OptionsOf({"LIMPET_MAX_BYTES=2MiB"}).max_bytes, kMinSegmentBytes);
  EXPECT_EQ(OptionsOf({"LIMPET_MAX_BYTES=4294967297"}).max_bytes, 0u);
  EXPECT_EQ(OptionsOf({"LIMPET_SIGNAL=KILL"}).dump_signal, SIGUSR1);
  EXPECT_FALSE(OptionsOf({"LIMPET_DISABLE=maybe"}).is_disabled);
}

TEST(ReadOptions, LooksAtWholeNamesOnly) {
  const Options options = OptionsOf({"limpet_DISABLE=1", "LIMPET_DISABLED=1", "XLIMPET_DISABLE=1",
                                     "LIMPET_DISABLE", "LIMPET=1", "="});
  EXPECT_FALSE(options.is_disabled);
}

TEST(ReadOptions, MeansARelativePathFromWhereTheProgramStarts) {
  const std::string here = std::filesystem::current_path().string();
  const Options options =
      OptionsOf({"LIMPET_DIR=a/b", "LIMPET_RUNTIME_DIR=r", "LIMPET_COMPANION=../limpet"});
  EXPECT_EQ(options.dump_directory.c_str(), here + "/a/b");
  EXPECT_EQ(options.runtime_directory.c_str(), here + "/r");
  EXPECT_EQ(options.companion.c_str(), here + "/../limpet");
}

TEST(ReadOptions, TakesPathsUpToTheirRoom) {
  const std::string longest = "/" + std::string(254, 'x');
  const std::string too_long = longest + "x";
  EXPECT_EQ(OptionsOf({("LIMPET_RUNTIME_DIR=" + longest).c_str()}).runtime_directory.c_str(),
            longest);
  EXPECT_EQ(OptionsOf({("LIMPET_RUNTIME_DIR=" + too_long).c_str()}).runtime_directory.c_str(),
            "/dev/shm/limpet-" + std::to_string(geteuid()));
}

TEST(ReadOptions, WritesIntoTmpWhereTheWorkingDirectoryIsGone) {
  test::ExpectInChild([] {
    {
      TemporaryDirectory directory;
      ASSERT_EQ(chdir(directory.path().c_str()), 0);
    }
    EXPECT_STREQ(OptionsOf({}).dump_directory.c_str(), "/tmp/limpet");
  });
}

// Outside of a chroot the kernel calls the working directory "(unreachable)/..." (getcwd(3)).
TEST(ReadOptions, WritesIntoTmpWhereTheWorkingDirectoryIsUnreachable) {
  if (geteuid() != 0) GTEST_SKIP() << "chroot needs root";
  TemporaryDirectory jail;
  test::ExpectInChild([&] {
    ASSERT_EQ(chdir("/usr"), 0);
    ASSERT_EQ(chroot(jail.path().c_str()), 0);
    EXPECT_STREQ(OptionsOf({}).dump_directory.c_str(), "/tmp/limpet");
  });
}

TEST(ReadOptions, JoinsPathsToTheRootDirectoryByOneSlash) {
  test::ExpectInChild([] {
    ASSERT_EQ(chdir("/"), 0);
    EXPECT_STREQ(OptionsOf({}).dump_directory.c_str(), "/limpet");
  });
}

}  // namespace
}  // namespace limpet
