#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/sample_threads.h"
#include "tools/render/age_text.h"
#include "tools/render/collapsed_writer.h"
#include "tools/render/count_text_writer.h"
#include "tools/render/goroutine_writer.h"
#include "tools/render/printable_text.h"
#include "tools/render/stacks_writer.h"
#include "tools/render/text_writer.h"
#include "tools/render/verdict_writer.h"

namespace limpet {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(CountTextWriter, WritesGosShape) {
  EXPECT_EQ(WriteCountText(SampleThreadProfile()),
            "goroutine profile: total 5\n"
            "2 @ 0x401135 0x401200 0x7f0101\n"
            "# labels: {\"reason\":\"sync.Cond.Wait\", \"state\":\"waiting\"}\n"
            "#\t0x401134\tstd::condition_variable::wait(int)+0x34\t\tcondition_variable:12\n"
            "#\t0x401134\t(anonymous namespace)::Queue<int>::Pop()+0x34\t/src/queue/queue.cc:42\n"
            "#\t0x4011ff\tvoid Work<int>(int)+0xf\t\t\t\t/src/work.cc:7\n"
            "#\t0x7f0100\tclone3+0x0\n"
            "\n"
            "1 @ 0x1\n"
            "# labels: {\"reason\":\"running\", \"state\":\"running\"}\n"
            "#\t0x0\t[stack of a running thread]\n"
            "\n"
            "1 @ 0x401301 0x401200 0x7f0101\n"
            "# labels: {\"reason\":\"sync.Mutex.Lock\", \"state\":\"waiting\"}\n"
            "#\t0x401300\tAccount::Withdraw(long) const+0x10\t/src/account.cc:9\n"
            "#\t0x4011ff\tvoid Work<int>(int)+0xf\t\t\t/src/work.cc:7\n"
            "#\t0x7f0100\tclone3+0x0\n"
            "\n"
            "1 @ 0x7f0031\n"
            "# labels: {\"reason\":\"semacquire\", \"state\":\"waiting\"}\n"
            "#\t0x7f0030\tlibz.so.1+0x30\n"
            "\n"
            "# limpet\n"
            "# limpet: goroutine of /bin/app (pid 4242)\n"
            "# 5 threads: 1 running, 4 waiting\n");
  EXPECT_EQ(WriteText(SampleThreadProfile()), WriteCountText(SampleThreadProfile()));
}

// A request's handler that is inlined into main has made it, not main.
TEST(GoroutineWriter, NamesTheInlinedFunctionThatMadeAThread) {
  ThreadDump dump = SampleThreads();
  dump.threads = {dump.threads[1]};
  dump.profile.locations[2].lines = {{0, 12}, {1, 42}, {3, 3}};
  EXPECT_THAT(WriteGoroutines(dump), HasSubstr("created by {anonymous}::Queue::Pop in goroutine 1\n"
                                               "\t/src/queue/queue.cc:42\n"));
  EXPECT_THAT(WriteStacks(dump), HasSubstr("created by {anonymous}::Queue::Pop"));
}

// As a compiler does that copies a loop's body.
TEST(StacksWriter, TakesThreadsOfOneLineTogether) {
  ThreadDump dump = SampleThreads();
  dump.threads = {dump.threads[1], dump.threads[2]};
  dump.profile.locations.push_back(dump.profile.locations[2]);
  dump.profile.locations.back().address += 0x20;
  dump.threads[1].creation_locations = {
      static_cast<std::uint32_t>(dump.profile.locations.size() - 1)};
  EXPECT_THAT(WriteStacks(dump), HasSubstr("2 wait 12m to 40s"));
}

TEST(CountTextWriter, QuotesLabelsAsGoDoes) {
  Profile profile = SampleThreadProfile();
  profile.label_sets[1].texts = {{"k", "a\"b\\c\nd"}};
  profile.label_sets[1].numbers = {{"pid", {101, ""}}};
  EXPECT_THAT(WriteCountText(profile),
              HasSubstr("\n# labels: {\"k\":\"a\\\"b\\\\c d\", \"pid\":\"101\"}\n"));
}

TEST(CountTextWriter, TellsMarkersApart) {
  Profile profile = SampleThreadProfile();
  profile.functions.push_back({.name = "[unknown stack]"});
  profile.locations.push_back({.lines = {{8, 0}}});
  profile.samples = {{{5}, {1}, 0}, {{7}, {2}, 0}};
  const std::string text = WriteCountText(profile);
  EXPECT_THAT(text, HasSubstr("\n2 @ 0x1\n# labels: {\"reason\":\"running\", "
                              "\"state\":\"running\"}\n#\t0x0\t[unknown stack]\n"));
  EXPECT_THAT(text, HasSubstr("\n1 @ 0x1\n"));
}

TEST(GoroutineWriter, KeepsWhatACompilerAtRunTimeNamed) {
  ThreadDump dump = SampleThreads();
  dump.profile.functions = {{.name = "void [app] Shop::Pay(int)[Tier0]"},
                            {.name = "LazyCompile:~handler /app/server.js:12:5"}};
  dump.profile.locations = {{.address = 0x7f33, .lines = {{0, 0}}},
                            {.address = 0x7f44, .lines = {{1, 0}}}};
  dump.threads = {dump.threads[1]};
  dump.threads[0].locations = {0, 1};
  dump.threads[0].creation_locations = {1};
  EXPECT_EQ(WriteGoroutines(dump),
            "goroutine 2 [sync.Cond.Wait, 12 minutes]:\n"
            "void [app] Shop::Pay{int}[Tier0](0x5000)\n"
            "\t??:0\n"
            "LazyCompile:~handler /app/server.js:12:5(...)\n"
            "\t??:0\n"
            "created by LazyCompile:~handler /app/server.js:12:5 in goroutine 1\n"
            "\t??:0\n");
}

TEST(GoroutineWriter, WritesGosShape) {
  EXPECT_EQ(WriteGoroutines(SampleThreads()),
            "goroutine 1 [running]:\n"
            "[stack of a running thread](...)\n"
            "\t??:0\n"
            "\n"
            "goroutine 2 [sync.Cond.Wait, 12 minutes]:\n"
            "std::condition_variable::wait(0x5000)\n"
            "\tcondition_variable:12\n"
            "{anonymous}::Queue::Pop(...)\n"
            "\t/src/queue/queue.cc:42 +0x35\n"
            "Work(...)\n"
            "\t/src/work.cc:7 +0x10\n"
            "created by main in goroutine 1\n"
            "\t/src/main.cc:3 +0x100\n"
            "\n"
            "goroutine 3 [sync.Cond.Wait]:\n"
            "std::condition_variable::wait(0x5000)\n"
            "\tcondition_variable:12\n"
            "{anonymous}::Queue::Pop(...)\n"
            "\t/src/queue/queue.cc:42 +0x35\n"
            "Work(...)\n"
            "\t/src/work.cc:7 +0x10\n"
            "created by main in goroutine 1\n"
            "\t/src/main.cc:3 +0x100\n"
            "\n"
            "goroutine 4 [sync.Mutex.Lock (held by 2), 3 minutes]:\n"
            "Account::Withdraw(0x6000)\n"
            "\t/src/account.cc:9 +0x11\n"
            "Work(...)\n"
            "\t/src/work.cc:7 +0x10\n"
            "created by main in goroutine 1\n"
            "\t/src/main.cc:3 +0x100\n"
            "\n"
            "goroutine 4711 [semacquire (no hook)]:\n"
            "libz.so.1+0x30(...)\n"
            "\t/lib/libz.so.1:0\n");
}

TEST(GoroutineWriter, KeepsHostileNamesInTheirPlace) {
  ThreadDump dump = SampleThreads();
  for (ProfileFunction& function : dump.profile.functions) {
    function.name = "evil(\n\ngoroutine 9 [running]:\n)((";
    function.file = "a\nb:c";
  }
  const std::string text = WriteGoroutines(dump);
  EXPECT_THAT(text, Not(HasSubstr("goroutine 9")));
  EXPECT_THAT(text, HasSubstr("\nevil(0x6000)\n\ta b:c:9 +0x11\n"));
}

// Each of these made one of goleak, gostackparse and panicparse lose the thread.
TEST(GoroutineWriter, LeavesGosParsersNothingToTripOver) {
  const auto write = [](const std::string& name, const std::string& file) {
    ThreadDump dump = SampleThreads();
    for (ProfileFunction& function : dump.profile.functions)
      function = {.name = name, .file = file};
    return WriteGoroutines(dump);
  };
  EXPECT_THAT(write("f)", "a.c"), HasSubstr("\nf}(0x6000)\n"));
  EXPECT_THAT(write("goroutine\x01"
                    "7",
                    "a.c"),
              HasSubstr("\ngoroutine_7(0x6000)\n"));
  EXPECT_THAT(write("f", "/tmp/a:1b.c"), HasSubstr("\n\t/tmp/a_1b.c:9 +0x11\n"));
  EXPECT_THAT(write("f", "C:/a.c"), HasSubstr("\n\tC:/a.c:9 +0x11\n"));
}

TEST(GoroutineWriter, SaysThatAStackIsNotKnown) {
  ThreadDump dump = SampleThreads();
  dump.threads = {dump.threads[4]};
  dump.threads[0].locations.clear();
  EXPECT_EQ(WriteGoroutines(dump),
            "goroutine 4711 [semacquire (no hook)]:\n[stack not readable](...)\n\t??:0\n");
}

TEST(StacksWriter, SaysWhatRunningThreadsTake) {
  ThreadDump dump = SampleThreads();
  dump.threads.resize(1);
  dump.threads[0].cpu_percent = 98;
  EXPECT_THAT(WriteStacks(dump), HasSubstr("\n1 running: 98% of a CPU\n"));
  dump.threads.push_back(dump.threads[0]);
  EXPECT_THAT(WriteStacks(dump), HasSubstr("\n2 running: 196% of a CPU\n"));
  dump.threads[1].cpu_percent.reset();
  EXPECT_THAT(WriteStacks(dump), HasSubstr("\n2 running\n"));
}

TEST(StacksWriter, SaysHowFastThreadsBecomeMore) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  const auto write = [](std::uint64_t first_age_s, std::uint64_t step_s, int count) {
    ThreadDump dump = SampleThreads();
    const ListedThread worker = dump.threads[1];
    dump.threads.clear();
    for (int index = 0; index < count; ++index) {
      dump.threads.push_back(worker);
      dump.threads.back().age_ns =
          (first_age_s + static_cast<std::uint64_t>(index) * step_s) * kSecond;
    }
    return WriteStacks(dump);
  };
  EXPECT_THAT(write(1, 1, 10), HasSubstr("; within 9s\n"));
  EXPECT_THAT(write(0, 10, 10), HasSubstr("; 7 in the last minute\n"));
  EXPECT_THAT(write(3600, 10, 10), Not(HasSubstr("minute")));
  EXPECT_THAT(write(1, 1, 7), Not(HasSubstr("within"))) << "a pool";
}

TEST(StacksWriter, GroupsEqualStacksLongestWaitFirst) {
  ThreadDump dump = SampleThreads();
  dump.unjoined = 2;
  EXPECT_EQ(WriteStacks(dump),
            "/bin/app, pid 4242: 5 threads: 1 running, 4 waiting\n"
            "1 blocked where no hook is, seen from outside\n"
            "2 ended and never joined: each keeps its stack\n"
            "\n"
            "2 wait 12m to 40s: sync.Cond.Wait\n"
            "  threads 2-3 worker; on 0x5000\n"
            "      std::condition_variable::wait  condition_variable:12\n"
            "      {anonymous}::Queue::Pop        /src/queue/queue.cc:42\n"
            "      Work                           /src/work.cc:7\n"
            "  created by main                    /src/main.cc:3, in thread 1\n"
            "\n"
            "1 waits 3m: sync.Mutex.Lock, held by 2\n"
            "  thread 4 worker; on 0x6000\n"
            "      Account::Withdraw     /src/account.cc:9\n"
            "      Work                  /src/work.cc:7\n"
            "  created by main           /src/main.cc:3, in thread 1\n"
            "\n"
            "1 waits: semacquire\n"
            "  thread 4711 zip\n"
            "      libz.so.1+0x30\n"
            "      (no hook is here: seen from outside; kernel: futex_do_wait)\n"
            "\n"
            "1 running\n"
            "  thread 1 app\n"
            "      (running: its stack is not taken)\n");
}

TEST(StacksWriter, StaysWithinItsColumns) {
  ThreadDump dump = SampleThreads();
  dump.profile.functions[4].name = std::string(300, 'n') + "(int)";
  dump.profile.functions[4].file =
      "/a/" + std::string(60, 'b') + "/" + std::string(20, 'c') + "/d.cc";
  dump.profile.functions[2].file = "/" + std::string(300, 'e') + ".cc";
  const ListedThread worker = dump.threads[3];
  for (std::uint32_t number = 10; number < 200; number += 2) {
    dump.threads.push_back(worker);
    dump.threads.back().number = number;
  }
  const std::string text = WriteStacks(dump);
  EXPECT_THAT(text, HasSubstr("nnn...  .../cccccccccccccccccccc/d.cc:9\n"));
  EXPECT_THAT(text, HasSubstr(", ...; on 0x6000\n"));
  std::size_t over = 0;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = text.find('\n', start);
    if (end - start > 100) ++over;
    start = end + 1;
  }
  EXPECT_EQ(over, 2U) << "a file name that no line holds: " << text;
}

TEST(StacksWriter, CutsNoLetterThrough) {
  ThreadDump dump = SampleThreads();
  dump.threads = {dump.threads[3]};
  for (std::size_t first = 0; first < 3; ++first) {
    std::string name(first, 'n');
    for (int letter = 0; letter < 30; ++letter) name += "\u20AC";
    dump.profile.functions[4].name = name;
    EXPECT_THAT(WriteStacks(dump), HasSubstr("\u20AC...  "));
  }
}

TEST(OneLine, HasNothingThatATerminalObeys) {
  EXPECT_EQ(OneLine("a\n\x1B\x7F"
                    "b"),
            "a   b");
  EXPECT_EQ(OneLine("a\u009B31mb\u0080c\u00A0"), "a 31mb c\u00A0");
  EXPECT_EQ(OneLine("\u202Ea\u2066b\u2069c\u200Fd\u061Ce\u2028f"), " a b c d e f");
  EXPECT_EQ(OneLine("\u20AC\u2030\u200D\u00E9"), "\u20AC\u2030\u200D\u00E9");
  EXPECT_EQ(OneLine(std::string(kMaxLineTextBytes - 1, 'a') + "\u20AC"),
            std::string(kMaxLineTextBytes - 1, 'a'));
}

TEST(FirstBytes, CutsNoLetterThrough) {
  EXPECT_EQ(FirstBytes("a\u20AC", 9), "a\u20AC");
  EXPECT_EQ(FirstBytes("a\u20AC", 4), "a\u20AC");
  for (const std::size_t bytes : {1U, 2U, 3U})
    EXPECT_EQ(FirstBytes("a\u20AC"
                         "b",
                         bytes),
              "a");
  EXPECT_EQ(FirstBytes("\x80\x80\x80\x80\x80\x80", 5), "\x80\x80\x80\x80\x80") << "no UTF-8 at all";
  EXPECT_EQ(FirstBytes("abc", 0), "");
}

TEST(StacksWriter, LeavesOutHowAThreadBeginsAndCutsADeepStack) {
  ThreadDump dump = SampleThreads();
  dump.threads = {dump.threads[3]};
  dump.threads[0].locations = std::vector<std::uint32_t>(40, 3);
  dump.threads[0].locations.push_back(6);
  const std::string text = WriteStacks(dump);
  EXPECT_THAT(text, HasSubstr("      ... and 16 outer frames\n"));
  EXPECT_THAT(text, Not(HasSubstr("clone3")));
}

TEST(CollapsedWriter, CountsThreads) {
  EXPECT_THAT(WriteCollapsed(SampleThreadProfile()),
              HasSubstr("clone3;void Work<int>(int);Account::Withdraw(long) const 1\n"));
}

TEST(AgeText, IsShort) {
  EXPECT_EQ(ShortAge(0), "0s");
  EXPECT_EQ(ShortAge(119'999'999'999), "119s");
  EXPECT_EQ(ShortAge(120'000'000'000), "2m");
  EXPECT_EQ(ShortAge(3600'000'000'000), "1h");
  EXPECT_EQ(ShortAge(std::uint64_t{49} * 3600'000'000'000), "2d");
  EXPECT_EQ(ShortWait(350'900'000), "350ms");
  EXPECT_EQ(ShortWait(1'000'000'000), "1s");
}

TEST(VerdictWriter, TellsOfEachThreadOfARingWhereItWaits) {
  ThreadDump dump = SampleThreads();
  const std::vector<WaitFinding> findings = {{.kind = WaitFindingKind::kDeadlock, .threads = {3}},
                                             {.kind = WaitFindingKind::kConvoy,
                                              .threads = {0},
                                              .behind = {1, 2},
                                              .behind_ns = 90'000'000'000}};
  const std::string text = WriteVerdict(dump, findings);
  EXPECT_THAT(text, HasSubstr("deadlock: thread 4 waits for itself\n  thread 4"));
  EXPECT_THAT(text, HasSubstr(": sync.Mutex.Lock, held by 2"));
  EXPECT_THAT(text, HasSubstr("      Account::Withdraw"));
  EXPECT_THAT(text, HasSubstr("\n\nconvoy: 2 wait for thread 1\n  thread 1 app runs\n"));
  EXPECT_THAT(text, HasSubstr("\n  behind it 2 wait, 90s together: 2-3 worker\n  thread 2"));
  EXPECT_EQ(WriteVerdict(dump, {}), "");
}

TEST(VerdictWriter, TakesThoseTogetherWhoWaitForOneLockAtOnePlace) {
  ThreadDump dump = SampleThreads();
  for (const std::size_t index : {1U, 2U}) {
    dump.threads[index].object = 0xABC0;
    dump.threads[index].owner_thread_id = 77;
  }
  const std::string text =
      WriteVerdict(dump, {{.kind = WaitFindingKind::kOrphanedLock, .threads = {1, 2}}});
  EXPECT_THAT(text, HasSubstr("orphaned lock on 0xabc0: the thread with tid 77 had it and has "
                              "ended, or fork left it behind\n"
                              "  threads 2-3 worker wait"));
}

}  // namespace
}  // namespace limpet
