#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "runtime/options.h"
#include "runtime/setting/dump_occasions.h"
#include "runtime/setting/program_choice.h"
#include "runtime/setting/watch_key.h"

namespace limpet {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;

Options OptionsOf(const std::string& variable) {
  Options options;
  const char* const variables[] = {variable.c_str(), nullptr};
  ReadOptions(variables, /*reports=*/false, &options);
  return options;
}

std::uint64_t IntervalNs(const std::string& text) {
  return OptionsOf("LIMPET_EVERY=" + text).watch.dump_interval_ns;
}

TEST(DumpInterval, IsATimeWithItsUnits) {
  EXPECT_EQ(IntervalNs("30s"), 30 * kSecondNs);
  EXPECT_EQ(IntervalNs("5m"), 300 * kSecondNs);
  EXPECT_EQ(IntervalNs("1h30m"), 5400 * kSecondNs);
  EXPECT_EQ(IntervalNs("1500ms"), 3 * kSecondNs / 2);
  EXPECT_EQ(IntervalNs("none"), 0u);
}

TEST(DumpInterval, RefusesWhatIsNoTimeOrTooShort) {
  for (const char* text : {"30", "s", "999ms", "721h", "1h 30m", "-1s", "1d", "99999999999999999h"})
    EXPECT_EQ(IntervalNs(text), 0u) << text;
}

std::uint64_t BlockRateNs(const std::string& text) {
  return OptionsOf("LIMPET_BLOCK_RATE=" + text).block_rate_ns;
}

TEST(BlockRate, IsATimeDownToNanoseconds) {
  EXPECT_EQ(OptionsOf("LIMPET_EVERY=30s").block_rate_ns, kDefaultBlockRateNs);
  EXPECT_EQ(BlockRateNs("1ns"), 1u);
  EXPECT_EQ(BlockRateNs("10us"), 10'000u);
  EXPECT_EQ(BlockRateNs("1ms"), 1'000'000u);
  EXPECT_EQ(BlockRateNs("1s"), kSecondNs);
  EXPECT_EQ(BlockRateNs("none"), 0u);
}

TEST(BlockRate, StaysTheDefaultWhereItIsNoTime) {
  for (const char* text : {"0", "0ns", "10", "us", "1001ms", "-1us", "1 us"})
    EXPECT_EQ(BlockRateNs(text), kDefaultBlockRateNs) << text;
}

DumpOccasions OccasionsOf(const char* text) {
  DumpOccasions occasions;
  EXPECT_TRUE(ParseDumpOccasions(text, &occasions)) << text;
  return occasions;
}

TEST(DumpOccasions, AreSeveralByCommas) {
  const DumpOccasions occasions = OccasionsOf("growth:256MiB,highwater:10%,cgroup:90%,exit");
  EXPECT_EQ(occasions.growth_bytes, 256u << 20);
  EXPECT_EQ(occasions.highwater_percent, 10u);
  EXPECT_EQ(occasions.cgroup_percent, 90u);
  EXPECT_TRUE(occasions.at_exit);
}

TEST(DumpOccasions, ReachTheTarget) {
  const Options options = OptionsOf("LIMPET_DUMP_ON=highwater:50,exit");
  EXPECT_EQ(options.watch.dump_highwater_percent, 50u);
  EXPECT_TRUE(options.dumps_at_exit);
  EXPECT_TRUE(options.watch.AsksForDumps());
  EXPECT_FALSE(OptionsOf("LIMPET_DUMP_ON=exit").watch.AsksForDumps());
}

TEST(DumpOccasions, RefuseAllWhenOneIsWrong) {
  for (const char* text :
       {"growth", "growth:1", "highwater:0%", "highwater:1001%", "cgroup:100%", "cgroup:", "exit,",
        "exit;growth:1MiB", "growth:00000000000000000000000000000001MiB"}) {
    DumpOccasions occasions;
    EXPECT_FALSE(ParseDumpOccasions(text, &occasions)) << text;
    EXPECT_EQ(occasions.growth_bytes, 0u) << text;
  }
}

TEST(Retention, HasDefaultsAndLimits) {
  const Options options = OptionsOf("LIMPET_KEEP=1");
  EXPECT_EQ(options.watch.max_dumps, 100u);
  EXPECT_EQ(options.watch.max_directory_bytes, 1u << 30);
  EXPECT_EQ(options.watch.max_dead_segments, 16u);
  EXPECT_EQ(OptionsOf("LIMPET_KEEP=2").watch.max_dumps, 2u);
  EXPECT_EQ(OptionsOf("LIMPET_MAX_DIR_BYTES=5MiB").watch.max_directory_bytes, 5u << 20);
  EXPECT_EQ(OptionsOf("LIMPET_KEEP_DEAD=0").watch.max_dead_segments, 0u);
}

TEST(ProgramChoice, MatchesPatterns) {
  EXPECT_TRUE(IsChosenProgram("", "anything"));
  EXPECT_TRUE(IsChosenProgram("redis-*,nginx", "redis-server"));
  EXPECT_TRUE(IsChosenProgram("redis-*,nginx", "nginx"));
  EXPECT_FALSE(IsChosenProgram("redis-*,nginx", "sh"));
  EXPECT_TRUE(IsChosenProgram("*a*b?c*", "xaabbzbyc"));
  EXPECT_FALSE(IsChosenProgram("*a*b?c", "xaabbzbyd"));
  EXPECT_TRUE(IsChosenProgram("*", ""));
  EXPECT_FALSE(IsChosenProgram("?", ""));
  EXPECT_FALSE(IsChosenProgram(",", "sh"));
}

TEST(ProgramChoice, IsNotSlowOnManyStars) {
  const std::string pattern = "*a*a*a*a*a*a*a*a*a*a*a*a*b";
  EXPECT_FALSE(IsChosenProgram(pattern.c_str(), std::string(200, 'a').c_str()));
}

TEST(Follow, NamesTheChildren) {
  EXPECT_FALSE(OptionsOf("LIMPET_FOLLOW=fork,exec").skips_forked);
  EXPECT_TRUE(OptionsOf("LIMPET_FOLLOW=exec").skips_forked);
  EXPECT_TRUE(OptionsOf("LIMPET_FOLLOW=fork").skips_executed);
  EXPECT_TRUE(OptionsOf("LIMPET_FOLLOW=none").skips_forked);
  EXPECT_FALSE(OptionsOf("LIMPET_FOLLOW=clone").skips_forked);
}

TEST(WatchLock, IsNamedByItsKey) {
  char name[kWatchLockNameBytes];
  WriteWatchLockName(0x0123456789abcdef, name);
  EXPECT_STREQ(name, "watch-0123456789abcdef.lock");
}

}  // namespace
}  // namespace limpet
