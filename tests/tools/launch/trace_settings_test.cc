#include "tools/launch/trace_settings.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace limpet {
namespace {

TEST(ParseByteCount, KnowsBinaryAndDecimalUnits) {
  EXPECT_EQ(ParseByteCount("1"), 1U);
  EXPECT_EQ(ParseByteCount("512KiB"), 512U << 10);
  EXPECT_EQ(ParseByteCount("512k"), 512U << 10);
  EXPECT_EQ(ParseByteCount("1MB"), 1'000'000U);
  EXPECT_EQ(ParseByteCount("2G"), std::uint64_t{2} << 30);
}

TEST(ParseByteCount, RefusesEverythingElse) {
  for (const char* text : {"", "KiB", "-1", "+1", " 1", "1 KiB", "1.5M", "0x10", "1KiBs",
                           "99999999999999999999", "18446744073709551615K"}) {
    EXPECT_EQ(ParseByteCount(text), std::nullopt) << text;
  }
}

TEST(ParseSignalName, KnowsNamesNumbersAndRealtimeSignals) {
  EXPECT_EQ(ParseSignalName("USR1"), SIGUSR1);
  EXPECT_EQ(ParseSignalName("sigusr2"), SIGUSR2);
  EXPECT_EQ(ParseSignalName("10"), 10);
  EXPECT_EQ(ParseSignalName("none"), 0);
  EXPECT_EQ(ParseSignalName("RTMIN"), SIGRTMIN);
  EXPECT_EQ(ParseSignalName("RTMIN+3"), SIGRTMIN + 3);
}

TEST(ParseSignalName, RefusesWhatCannotBeCaught) {
  for (const char* text : {"KILL", "9", "19", "32", "0", "65", "-1", "", "RTMIN-1", "RTMIN+99",
                           "USR3", "99999999999"}) {
    EXPECT_EQ(ParseSignalName(text), std::nullopt) << text;
  }
}

TEST(CheckSetting, TakesEveryDefaultThatIsAValue) {
  for (const TraceSetting& setting : TraceSettings()) {
    EXPECT_TRUE(CheckSetting(setting.name, setting.default_value).ok()) << setting.name;
  }
}

TEST(CheckSetting, NamesTheSettingTheValueAndWhatWasExpected) {
  const absl::Status status = CheckSetting("LIMPET_SAMPLE_BYTES", "lots");
  EXPECT_EQ(status.message(),
            "LIMPET_SAMPLE_BYTES='lots': expected a size from 1 to 1TiB, such as 512KiB");
}

TEST(CheckSetting, KeepsLimits) {
  EXPECT_FALSE(CheckSetting("LIMPET_SAMPLE_BYTES", "0").ok());
  EXPECT_FALSE(CheckSetting("LIMPET_SAMPLE_BYTES", "2000G").ok());
  EXPECT_FALSE(CheckSetting("LIMPET_MAX_BYTES", "1MiB").ok());
  EXPECT_FALSE(CheckSetting("LIMPET_MAX_BYTES", "5G").ok());
  EXPECT_FALSE(CheckSetting("LIMPET_DIR", "").ok());
  EXPECT_FALSE(CheckSetting("LIMPET_NONSENSE", "1").ok());
}

}  // namespace
}  // namespace limpet
