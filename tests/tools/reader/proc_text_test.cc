#include "tools/reader/proc_text.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

namespace limpet {
namespace {

std::string Stat(const std::string& name) {
  return "4242 (" + name +
         ") S 1 4242 4242 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 3 0 987654 1000 200 1844 1 1";
}

TEST(ProcText, FindsTheStartTimeWhateverTheProcessCallsItself) {
  for (const char* name : {"app", "a b", "a) R 1 2 3 (", ")))", ""}) {
    const std::optional<StatFacts> facts = ParseStat(Stat(name));
    ASSERT_TRUE(facts.has_value()) << name;
    EXPECT_EQ(facts->start_ticks, 987654U) << name;
    EXPECT_EQ(facts->state, 'S') << name;
    EXPECT_EQ(facts->parent_pid, 1U) << name;
  }
}

TEST(ProcText, RefusesAStatThatIsCut) {
  EXPECT_FALSE(ParseStat("").has_value());
  EXPECT_FALSE(ParseStat("4242 (app").has_value());
  EXPECT_FALSE(ParseStat("4242 (app) S 1 2 3").has_value());
  EXPECT_FALSE(ParseStat("1 (a) S 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 x").has_value());
}

TEST(ProcText, ReadsFieldsInBytes) {
  const std::string status = "Name:\tVmRSS: 7\nVmRSS:\t    1234 kB\nThreads:\t3\nVmRSSx:\t9 kB\n";
  EXPECT_EQ(ParseField(status, "VmRSS"), 1234U * 1024);
  EXPECT_EQ(ParseField(status, "Threads"), 3U);
  EXPECT_FALSE(ParseField(status, "RssAnon").has_value());
  EXPECT_FALSE(ParseField("VmRSS:\n", "VmRSS").has_value());
  EXPECT_FALSE(ParseField("VmRSS: 18446744073709551615 kB\n", "VmRSS").has_value());
}

TEST(ProcText, FindsTheInnermostPid) {
  EXPECT_EQ(ParseNamespacePid("Pid:\t4242\nNSpid:\t4242\t17\t1\n"), 1U);
  EXPECT_EQ(ParseNamespacePid("NSpid:\t4242\n"), 4242U);
  EXPECT_FALSE(ParseNamespacePid("Pid:\t1\n").has_value());
}

TEST(ProcText, ReadsTheInodeOfANamespace) {
  EXPECT_EQ(ParseNamespaceLink("pid:[4026531836]"), 4026531836U);
  for (const char* link : {"", "pid:", "[", "]", "pid:[]", "pid:[x]", "pid:[1] "}) {
    EXPECT_FALSE(ParseNamespaceLink(link).has_value()) << link;
  }
}

TEST(ProcText, FindsALibraryByTheNameOfItsFile) {
  const std::string before = "7f00-7f10 r-xp 00000000 fd:00 12   ";
  EXPECT_TRUE(MapsHaveLibrary(before + "/usr/lib/limpet/liblimpet.so\n", "liblimpet.so"));
  EXPECT_TRUE(MapsHaveLibrary(before + "/my lib/liblimpet.so (deleted)\n", "liblimpet.so"));
  EXPECT_TRUE(MapsHaveLibrary(before + "/a/liblimpet.so.1", "liblimpet.so"));
  EXPECT_FALSE(MapsHaveLibrary(before + "/liblimpet.so/other.so\n", "liblimpet.so"));
  EXPECT_FALSE(MapsHaveLibrary(before + "/usr/lib/notliblimpet.so\n", "liblimpet.so"));
  EXPECT_FALSE(MapsHaveLibrary("", "liblimpet.so"));
}

TEST(ProcText, FindsTheNodeOfAMappedFile) {
  const std::string maps =
      "1-2 rw-p 0 00:00 0 \n1-2 r--s 0 fd:02 11   /a/1-2.segments\n"
      "7f00-7f10 rw-s 00000000 00:1a 12   /dev/shm/limpet 0/1-2.segment (deleted)\n";
  EXPECT_EQ(FindMappedNode(maps, "1-2.segment").inode, 12U);
  EXPECT_EQ(FindMappedNode(maps, "1-2.segment").device, makedev(0, 0x1a));
  EXPECT_EQ(FindMappedNode(maps, "-2.segment").inode, 0U);
  EXPECT_EQ(FindMappedNode("/1-2.segment\n1 2 3 x y /1-2.segment", "1-2.segment").inode, 0U);
}

TEST(ProcText, ReadsOneVariable) {
  const std::string environment("A=1\0LIMPET_DIRX=no\0LIMPET_DIR=/d=e\0LIMPET_DIR=2\0", 48);
  EXPECT_EQ(EnvironmentValue(environment, "LIMPET_DIR"), "/d=e");
  EXPECT_FALSE(EnvironmentValue(environment, "B").has_value());
  EXPECT_FALSE(EnvironmentValue("", "A").has_value());
}

TEST(ProcText, SaysWhoMayBeAskedBySignal) {
  const std::string status =
      "State:\tR (running)\nSigPnd:\t0000000000000100\nSigBlk:\t0000000000000001\n"
      "SigCgt:\t0000000000400000\nSeccomp:\t0\n";
  const std::optional<SignalFacts> facts = ParseSignals(status);
  ASSERT_TRUE(facts.has_value());
  EXPECT_TRUE(facts->is_running);
  EXPECT_FALSE(facts->is_strict);
  EXPECT_TRUE(facts->Catches(23));
  EXPECT_FALSE(facts->Catches(22));
  EXPECT_TRUE(facts->Blocks(1));
  EXPECT_FALSE(facts->Blocks(23));
  EXPECT_EQ(facts->pending, 0x100U);
}

TEST(ProcText, SaysNothingOfSignalsWhereItCannotTell) {
  EXPECT_FALSE(ParseSignals("").has_value());
  EXPECT_FALSE(ParseSignals("State:\tR\nSigPnd:\t0\nSigBlk:\t0\n").has_value());
  EXPECT_FALSE(ParseSignals("State:\tR\nSigPnd:\t0\nSigBlk:\tx\nSigCgt:\t0\n").has_value());
  EXPECT_FALSE(
      ParseSignals("State:\tS (sleeping)\nSigPnd:\t0\nSigBlk:\t0\nSigCgt:\t0\n")->is_running);
  EXPECT_TRUE(
      ParseSignals("State:\tR\nSigPnd:\t0\nSigBlk:\t0\nSigCgt:\t0\nSeccomp:\t1\n")->is_strict);
}

}  // namespace
}  // namespace limpet
