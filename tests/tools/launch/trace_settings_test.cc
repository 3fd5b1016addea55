#include "tools/launch/trace_settings.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "runtime/setting/setting_table.h"

namespace limpet {
namespace {

TEST(CheckSetting, TakesEveryDefault) {
  for (const Setting& setting : kSettings) {
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
  EXPECT_TRUE(CheckSetting("LIMPET_SAMPLE_BYTES", "1TiB").ok());
}

TEST(CheckSetting, KnowsWhatAWatcherIsAsked) {
  EXPECT_TRUE(CheckSetting("LIMPET_EVERY", "1h30m").ok());
  EXPECT_FALSE(CheckSetting("LIMPET_EVERY", "30").ok());
  EXPECT_TRUE(CheckSetting("LIMPET_DUMP_ON", "growth:64MiB,cgroup:90%").ok());
  EXPECT_FALSE(CheckSetting("LIMPET_DUMP_ON", "shrinking").ok());
  EXPECT_FALSE(CheckSetting("LIMPET_KEEP", "1").ok());
  EXPECT_FALSE(CheckSetting("LIMPET_MAX_DIR_BYTES", "10KiB").ok());
  EXPECT_FALSE(CheckSetting("LIMPET_KEEP_DEAD", "many").ok());
  EXPECT_FALSE(CheckSetting("LIMPET_ONLY", std::string(256, 'x')).ok());
  EXPECT_FALSE(CheckSetting("LIMPET_FOLLOW", "clone").ok());
}

TEST(CheckSetting, RefusesASignalWhoseHandlerCouldNotReturn) {
  EXPECT_FALSE(CheckSetting("LIMPET_SIGNAL", "SEGV").ok());
  EXPECT_FALSE(CheckSetting("LIMPET_SIGNAL", "11").ok());
  EXPECT_TRUE(CheckSetting("LIMPET_SIGNAL", "RTMIN+3").ok());
}

TEST(CheckSetting, KnowsHowLongAPathBecomes) {
  const std::string here = std::filesystem::current_path();
  EXPECT_TRUE(CheckSetting("LIMPET_DIR", "/" + std::string(510, 'x')).ok());
  EXPECT_FALSE(CheckSetting("LIMPET_DIR", "/" + std::string(511, 'x')).ok());
  EXPECT_FALSE(CheckSetting("LIMPET_DIR", std::string(511 - here.size(), 'x')).ok());
  EXPECT_TRUE(CheckSetting("LIMPET_RUNTIME_DIR", "/" + std::string(254, 'x')).ok());
  EXPECT_FALSE(CheckSetting("LIMPET_RUNTIME_DIR", "/" + std::string(255, 'x')).ok());
}

}  // namespace
}  // namespace limpet
