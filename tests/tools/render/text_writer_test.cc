#include "tools/render/text_writer.h"

#include <gtest/gtest.h>

#include "tests/support/sample_profile.h"
#include "tools/render/collapsed_writer.h"
#include "tools/render/printable_text.h"
#include "tools/render/tab_align.h"

namespace limpet {
namespace {

TEST(TextWriter, WritesGosShape) {
  EXPECT_EQ(WriteText(SampleProfile()),
            "heap profile: 3: 3072 [5: 5120] @ heap/2\n"
            "2: 2048 [4: 4096] @ 0x401135 0x401200 0x401300\n"
            "# in use: 2 samples, \u00b1 7.0 %; allocated: 4 samples, \u00b1 50 %\n"
            "#\t0x401134\tpush(int)+0x34\tvector.h:12\n"
            "#\t0x401134\tgrow()+0x34\tcache.cc:42\n"
            "#\t0x4011ff\tserve()+0xf\tserver.cc:7\n"
            "#\t0x4012ff\tmain+0xff\tserver.cc:3\n"
            "\n"
            "1: 1024 [1: 1024] @ 0x7f0031\n"
            "# allocated: 1 sample, \u00b1 100 %\n"
            "#\t0x7f0030\tlibz.so.1+0x30\n"
            "\n"
            "\n"
            "# limpet\n"
            "# limpet: heap of /bin/app (pid 4242)\n");
}

TEST(TextWriter, SaysThatWhatIsRecordedWholeIsExact) {
  Profile profile = SampleProfile();
  profile.period = 1;
  EXPECT_NE(WriteText(profile).find("\n# in use: 2 samples, exact; allocated: 4 samples, exact\n"),
            std::string::npos);
}

TEST(TextWriter, AddsUpAStackOfSeveralProcessesAndNamesThem) {
  Profile profile = SampleProfile();
  for (std::int64_t pid = 101; pid <= 110; ++pid) {
    profile.label_sets.push_back({{}, {{kPidLabel, {pid, ""}}}});
  }
  profile.samples[0].labels = 1;
  profile.samples[1].values = {1, 1024, 0, 0};
  profile.samples[1].labels = 1;
  profile.samples.push_back(SampleProfile().samples[0]);
  profile.samples.back().labels = 0;
  profile.samples.back().in_use = {.samples = 1, .relative_error = 0.07};
  const std::string text = WriteText(profile);
  EXPECT_EQ(text.find("heap profile: 4: 4096 [9: 9216] @ heap/2\n"
                      "4: 4096 [8: 8192] @ 0x401135 0x401200 0x401300\n"
                      "# in use: 3 samples, \u00b1 4.9 %; allocated: 8 samples, \u00b1 35 %\n"
                      "# 2 processes, pid: 102 2.0 KiB, 101 2.0 KiB\n"
                      "#\t0x401134\tpush(int)"),
            0U)
      << text;
  EXPECT_NE(text.find("\n# 1 process, pid: 102 1.0 KiB allocated\n"), std::string::npos) << text;
  profile.samples.resize(1);
  for (std::int32_t set = 2; set <= 9; ++set) {
    profile.samples.push_back(profile.samples[0]);
    profile.samples.back().labels = set;
  }
  EXPECT_NE(WriteText(profile).find("109 2.0 KiB, 1 more\n"), std::string::npos);
}

TEST(TextWriter, WritesWaitsAsGoDoes) {
  EXPECT_EQ(WriteText(SampleWaits()),
            "--- contention:\n"
            "cycles/second=1000000000\n"
            "3000000 12 @ 0x401135 0x401200 0x401300\n"
            "# reason: sync.Mutex.Lock\n"
            "#\t0x401134\tpush(int)+0x34\tvector.h:12\n"
            "#\t0x401134\tgrow()+0x34\tcache.cc:42\n"
            "#\t0x4011ff\tserve()+0xf\tserver.cc:7\n"
            "#\t0x4012ff\tmain+0xff\tserver.cc:3\n"
            "\n"
            "1000000 1 @ 0x7f0031\n"
            "#\t0x7f0030\tlibz.so.1+0x30\n"
            "\n"
            "# limpet\n"
            "# limpet: heap of /bin/app (pid 4242)\n");
}

TEST(TextWriter, KeepsFourColumnsWhenAllIsStillInUse) {
  Profile profile = SampleProfile();
  profile.samples.resize(1);
  profile.samples[0].values = {2, 2048, 2, 2048};
  EXPECT_EQ(WriteText(profile).substr(0, 41), "heap profile: 2: 2048 [2: 2049] @ heap/2\n");
}

TEST(TextWriter, GivesBytesAnObject) {
  Profile profile = SampleProfile();
  profile.samples.resize(1);
  profile.samples[0].values = {1, 9, 0, 9};
  EXPECT_NE(WriteText(profile).find("\n1: 9 [1: 9] @"), std::string::npos);
}

TEST(TextWriter, KeepsAHostileNameOnItsLine) {
  Profile profile = SampleProfile();
  profile.functions[3].name = "evil\n1: 1 [1: 1] @ 0x1\t\x1b[2J" + std::string(100'000, 'x');
  const std::string text = WriteText(profile);
  EXPECT_EQ(text.find("\n1: 1 [1: 1]"), std::string::npos);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  std::size_t longest = 0;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = text.find('\n', start);
    longest = std::max(longest, end - start);
    start = end + 1;
  }
  EXPECT_LT(longest, 64U * 1024);
}

// The answer of Go's text/tabwriter(1, 8, 1, '\t') to the same text.
TEST(TabAlign, AlignsAsGosTabwriter) {
  EXPECT_EQ(AlignTabs("1: 2 [3: 4] @ 0x1\n"
                      "#\t0x1\tf\ta.c:1\n"
                      "#\t0x1234567\tlonger_name+0x12\tb.c:2\n"
                      "#\t0x5\n"
                      "#\t0x12\tnofile\n"
                      "#\t0x7f0011223344\t\u00e9_\u00fcn\u00efc\u00f6d\u00e9\tc.c:3\n"
                      "\n"
                      "#\t0x3\tg\td.c:4\n"),
            "1: 2 [3: 4] @ 0x1\n"
            "#\t0x1\t\tf\t\t\ta.c:1\n"
            "#\t0x1234567\tlonger_name+0x12\tb.c:2\n"
            "#\t0x5\n"
            "#\t0x12\t\tnofile\n"
            "#\t0x7f0011223344\t\u00e9_\u00fcn\u00efc\u00f6d\u00e9\tc.c:3\n"
            "\n"
            "#\t0x3\tg\td.c:4\n");
}

TEST(CollapsedWriter, WritesRootFirstAndTheShownValue) {
  Profile profile = SampleProfile();
  EXPECT_EQ(WriteCollapsed(profile),
            "libz.so.1+0x30 1024\n"
            "main;serve();grow();push(int) 2048\n");
  profile.default_sample_type = "alloc_space";
  EXPECT_EQ(WriteCollapsed(profile),
            "libz.so.1+0x30 1024\n"
            "main;serve();grow();push(int) 4096\n");
}

TEST(CollapsedWriter, KeepsOneStackOnOneLine) {
  Profile profile = SampleProfile();
  profile.functions[4].name = "a;b\nc";
  EXPECT_EQ(WriteCollapsed(profile).substr(0, 11), "a:b c 1024\n");
}

TEST(CollapsedWriter, AddsUpStacksOfEqualNames) {
  Profile profile = SampleProfile();
  profile.samples[1] = profile.samples[0];
  EXPECT_EQ(WriteCollapsed(profile), "main;serve();grow();push(int) 4096\n");
}

TEST(CollapsedWriter, BeginsWithTheProgram) {
  Profile profile = SampleProfile();
  profile.label_sets = {{{{kProcessLabel, "a;b"}}, {{kPidLabel, {101, ""}}}},
                        {{{kProcessLabel, "a;b"}}, {{kPidLabel, {102, ""}}}}};
  profile.samples[0].labels = 0;
  profile.samples[1] = profile.samples[0];
  profile.samples[1].labels = 1;
  EXPECT_EQ(WriteCollapsed(profile), "a:b;main;serve();grow();push(int) 4096\n");
}

TEST(PrintableText, RefusesSequencesThatAreNoUtf8) {
  const std::string replaced = "\xEF\xBF\xBD";
  EXPECT_EQ(ValidUtf8("\xE2\x82\xAC \xF0\x9F\x90\x9A"), "\xE2\x82\xAC \xF0\x9F\x90\x9A");
  EXPECT_EQ(ValidUtf8("\xE2\x82"), replaced + replaced);
  EXPECT_EQ(ValidUtf8("\xED\xA0\x80"), replaced + replaced + replaced) << "a surrogate";
  EXPECT_EQ(ValidUtf8("\xC1\x81"), replaced + replaced) << "overlong";
  EXPECT_EQ(ValidUtf8(""), "");
}

}  // namespace
}  // namespace limpet
