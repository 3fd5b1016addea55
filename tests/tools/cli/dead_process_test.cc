// What limpet says of processes that died, that wait for a dump, or that live in another container.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "tests/support/command_output.h"
#include "tests/support/segment_builder.h"
#include "tests/support/temporary_directory.h"
#include "tools/cli/commands.h"

namespace limpet {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

std::uint64_t HoursAgo(std::uint64_t hours) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(now).count()) -
         hours * 3600 * 1'000'000'000;
}

std::uint64_t OwnNamespace() {
  struct stat facts = {};
  return stat("/proc/self/ns/pid", &facts) == 0 ? facts.st_ino : 0;
}

// The segment of a process that died three hours ago, in the way that `change` says.
class DeadProcess : public ::testing::Test {
 protected:
  void Leave(const std::function<void(SegmentHeader&)>& change = [](SegmentHeader&) {}) {
    SegmentBuilder builder;
    builder.ChangeHeader([&](SegmentHeader& header) {
      header.pid = 4'194'305;  // more than Linux ever gives
      header.uid = geteuid();
      header.pid_namespace = OwnNamespace();
      header.created_unix_ns = HoursAgo(4);
      std::strcpy(header.dump_directory, "/var/prof");
      change(header);
    });
    const std::uint32_t stack = builder.AddStack({{0x1111}});
    builder.AddSite(stack, {});
    builder.AddAllocation(stack,
                          {.address = 0, .time_ns = 5'000'000'000 + 3600 * 1'000'000'000ULL});
    builder.WriteTo(segment_);
    const auto seconds = static_cast<time_t>(HoursAgo(5) / 1'000'000'000);
    const timespec times[] = {{seconds, 0}, {seconds, 0}};
    ASSERT_EQ(utimensat(AT_FDCWD, segment_.c_str(), times, 0), 0);
  }

  std::string Ps(const std::string& setting = "A=b") const {
    return RunProgram({LIMPET_BINARY, "ps"}, {runtime_, setting}).out;
  }

  nlohmann::json PsJson() const {
    const CommandOutput output = RunProgram({LIMPET_BINARY, "ps", "--json"}, {runtime_});
    const nlohmann::json json = nlohmann::json::parse(output.out);
    for (const nlohmann::json& process : json["processes"]) {
      if (process["pid"] == 4'194'305) return process;
    }
    return {};
  }

  TemporaryDirectory directory_;
  std::string segment_ = directory_.File("4194305-987654.segment");
  std::string runtime_ = "LIMPET_RUNTIME_DIR=" + directory_.path();
};

TEST_F(DeadProcess, IsListedWithItsAgeByItsLastSample) {
  Leave();
  EXPECT_THAT(Ps(), HasSubstr("4194305  dead 3h ago "));
  EXPECT_THAT(Ps(), HasSubstr("its profiles: limpet dump 4194305\n"));
  EXPECT_THAT(Ps(), HasSubstr("dead 3h ago ")) << "looking does not make it younger";
}

TEST_F(DeadProcess, IsListedForPrograms) {
  Leave();
  nlohmann::json process = PsJson();
  EXPECT_EQ(process["state"], "dead");
  EXPECT_EQ(process["last_profile_written"], false);
  EXPECT_NEAR(process["died_unix_ns"].get<double>(), static_cast<double>(HoursAgo(3)), 60e9);
}

TEST_F(DeadProcess, HasItsLastProfileWhereTheSegmentSays) {
  Leave([](SegmentHeader& header) { header.watch_state.has_last_profile = 1; });
  EXPECT_THAT(Ps(), HasSubstr("its last profile is written: /var/prof\n"));
  EXPECT_THAT(Ps(), Not(HasSubstr("its profiles:")));
  EXPECT_EQ(PsJson()["last_profile_written"], true);
}

TEST_F(DeadProcess, IsForgottenADayAfterItWasFound) {
  Leave([](SegmentHeader& header) { header.found_dead_unix_ns = HoursAgo(25); });
  EXPECT_THAT(Ps(), Not(HasSubstr("4194305")));
  EXPECT_FALSE(std::filesystem::exists(segment_));
}

TEST_F(DeadProcess, IsForgottenWhereNoneAreKept) {
  Leave();
  EXPECT_EQ(RunProgram({LIMPET_BINARY, "dump", "4194305", "-p", "heap", "-o", "-"},
                       {runtime_, "LIMPET_KEEP_DEAD=1"})
                .exit_code,
            kExitOk);
  EXPECT_TRUE(std::filesystem::exists(segment_));
  EXPECT_EQ(RunProgram({LIMPET_BINARY, "dump", "4194305", "-p", "heap", "-o", "-"},
                       {runtime_, "LIMPET_KEEP_DEAD=0"})
                .exit_code,
            kExitOk);
  EXPECT_FALSE(std::filesystem::exists(segment_));
}

TEST_F(DeadProcess, IsFoundByItsPathWhereItsPidIsAnothers) {
  segment_ = directory_.File(std::to_string(getpid()) + "-1.segment");
  Leave([](SegmentHeader& header) {
    header.pid = static_cast<std::uint32_t>(getpid());
    header.start_ticks = 1;
  });
  EXPECT_THAT(Ps(), HasSubstr("dead 3h ago"));
  EXPECT_THAT(Ps(), HasSubstr("its profiles: limpet dump " + segment_));
}

// One that ended by itself right after a dump was asked for, and left its segment for that.
class ExitedProcess : public DeadProcess {
 protected:
  ExitedProcess() {
    Leave([](SegmentHeader& header) {
      header.state = SegmentState::kExited;
      header.dump_requests = 1;
    });
  }

  void Dump(const std::string& segment) const {
    const CommandOutput output =
        RunProgram({LIMPET_BINARY, "dump", segment, "-p", "heap", "-o", "-"}, {runtime_});
    EXPECT_EQ(output.exit_code, kExitOk) << output.error;
  }

  // `script` runs between the dump's look at the segment and its last word on it: what it writes is
  // more than a pipe holds.
  void DumpMeanwhile(const std::string& script) {
    SegmentBuilder builder;
    builder.ChangeHeader([](SegmentHeader& header) {
      header.pid = 4'194'305;
      header.pid_namespace = OwnNamespace();
      header.state = SegmentState::kExited;
      header.dump_requests = 1;
    });
    for (std::uint64_t site = 1; site < 20'000; ++site) {
      const std::uint32_t stack = builder.AddStack({{site << 8}});
      builder.AddSite(stack, {.objects = 1, .bytes = 64});
      builder.AddAllocation(stack, {.address = site << 12, .requested_bytes = 64});
    }
    builder.WriteTo(segment_);
    const CommandOutput output = RunProgram(
        {"sh", "-c",
         "segment=" + segment_ +
             "; { " LIMPET_BINARY " dump $segment -p heap -f collapsed -o - && echo done >&2; } |"
             "{ read line; " +
             script + " wc -c; }"},
        {runtime_});
    EXPECT_EQ(output.error, "done\n");
    EXPECT_GT(std::stoul(output.out), 100'000U) << "it has not waited for the script";
  }

  std::uint32_t Answered() const {
    std::uint32_t answered = 0;
    std::ifstream file(segment_, std::ios::binary);
    file.seekg(offsetof(SegmentHeader, watch_state) + offsetof(WatchState, answered_requests));
    file.read(reinterpret_cast<char*>(&answered), sizeof(answered));
    return answered;
  }
};

TEST_F(ExitedProcess, LeavesNothingOnceItsDumpIsWritten) {
  Dump(segment_);
  EXPECT_FALSE(std::filesystem::exists(segment_));
}

TEST_F(ExitedProcess, IsAnsweredAlsoWhereSomebodyReadsItsSegment) {
  const int reader = open(segment_.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(flock(reader, LOCK_SH), 0);
  const auto written = std::filesystem::last_write_time(segment_);
  Dump(segment_);
  close(reader);
  EXPECT_EQ(Answered(), 1U) << "whoever watches would write the same once more";
  EXPECT_EQ(std::filesystem::last_write_time(segment_), written) << "it tells when it lived";
}

TEST_F(ExitedProcess, StaysWhereItIsKeptElsewhere) {
  const TemporaryDirectory elsewhere;
  const std::string kept = elsewhere.File("4194305-987654.segment");
  std::filesystem::rename(segment_, kept);
  Dump(kept);
  EXPECT_TRUE(std::filesystem::exists(kept));
}

TEST_F(ExitedProcess, StaysWhereItIsAnotherUsers) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  ASSERT_EQ(chown(segment_.c_str(), 12'345, 12'345), 0);
  Dump(segment_);
  EXPECT_TRUE(std::filesystem::exists(segment_));
}

TEST_F(ExitedProcess, StaysForADumpThatWasAskedForLater) {
  DumpMeanwhile("printf '\\2' | dd of=$segment bs=1 conv=notrunc status=none seek=" +
                std::to_string(offsetof(SegmentHeader, dump_requests)) + ";");
  EXPECT_TRUE(std::filesystem::exists(segment_));
}

TEST_F(ExitedProcess, IsNotTakenForWhatLiesThereNow) {
  DumpMeanwhile("cp $segment $segment.new; mv $segment.new $segment;");
  EXPECT_TRUE(std::filesystem::exists(segment_));
  EXPECT_EQ(Answered(), 0U);
}

#ifdef LIMPET_LIBRARY
class WaitingProcess : public DeadProcess {};

constexpr char kTraced[] = "LIMPET_SAMPLE_BYTES=1 LD_PRELOAD=" LIMPET_LIBRARY " sleep 60 & pid=$!;";
// Until its segment is there, as `$segment`, and complete: its file is older than its header.
constexpr char kWait[] =
    "for i in $(seq 200); do segment=$(ls $LIMPET_RUNTIME_DIR/*.segment 2>/dev/null) &&"
    " " LIMPET_BINARY " ps | grep -q running && break; sleep 0.05; done;";

// Writes `bytes`, octal, at `offset` of $segment.
std::string Poke(std::size_t offset, const std::string& bytes) {
  return "printf '" + bytes +
         "' | dd of=$segment bs=1 conv=notrunc status=none seek=" + std::to_string(offset) + ";";
}

CommandOutput RunBesideTraced(const std::string& script, const std::string& runtime) {
  return RunProgram(
      {"sh", "-c", std::string(kTraced) + kWait + script + "; code=$?; kill $pid; exit $code"},
      {runtime});
}

TEST_F(WaitingProcess, SaysWhyItsRequestsWait) {
  const CommandOutput output =
      RunBesideTraced(Poke(offsetof(SegmentHeader, dump_requests), "\\2") +
                          Poke(offsetof(SegmentHeader, launch_errno), "\\377\\377") +
                          LIMPET_BINARY " ps; " + LIMPET_BINARY " dump $pid -p heap -o " +
                          directory_.File("x.pb.gz") + "; echo dumped;" + LIMPET_BINARY " ps",
                      runtime_);
  const std::size_t dumped = output.out.find("dumped");
  ASSERT_NE(dumped, std::string::npos) << output.error;
  EXPECT_THAT(output.out.substr(0, dumped),
              ContainsRegex("2 dump requests wait: no companion may be started from PID 1 or a "
                            "subreaper; limpet dump [0-9]+\n"));
  EXPECT_THAT(output.out.substr(dumped), Not(HasSubstr("dump request"))) << "answered by the dump";
  EXPECT_THAT(output.out.substr(dumped), HasSubstr("running"));
}

TEST_F(WaitingProcess, SaysWhichErrorKeptTheCompanionFromStarting) {
  const CommandOutput output =
      RunBesideTraced(Poke(offsetof(SegmentHeader, dump_requests), "\\1") +
                          Poke(offsetof(SegmentHeader, launch_errno), "\\2") + LIMPET_BINARY " ps",
                      runtime_);
  EXPECT_THAT(output.out, HasSubstr("1 dump request waits: the companion could not be started (No "
                                    "such file or directory); limpet dump "));
}

TEST_F(WaitingProcess, HasNothingToSayWhereACompanionWatches) {
  const std::string beat =
      "read uptime idle < /proc/uptime; bytes=;"
      "hex=$(printf '%016x' $((${uptime%.*} * 1000000000)));"
      "for at in 15 13 11 9 7 5 3 1; do bytes=\"$bytes\\\\$(printf '%03o' "
      "0x$(echo $hex | cut -c$at-$((at + 1))))\"; done;"
      "printf \"$bytes\" | dd of=$segment bs=1 conv=notrunc status=none seek=" +
      std::to_string(offsetof(SegmentHeader, watch_state)) + ";";
  const CommandOutput output =
      RunBesideTraced(Poke(offsetof(SegmentHeader, dump_requests), "\\1") +
                          Poke(offsetof(SegmentHeader, launch_errno), "\\2") +
                          Poke(offsetof(SegmentHeader, watcher_pid), "\\7") + beat +
                          LIMPET_BINARY " ps;" LIMPET_BINARY " ps --json",
                      runtime_);
  EXPECT_THAT(output.out, HasSubstr("watched by 7\n"));
  EXPECT_THAT(output.out, HasSubstr("\"watched_by\": 7"));
  EXPECT_THAT(output.out, Not(HasSubstr("1 dump request")));
}

// A memory file system as the volume of a container, which is a pid and a mount namespace.
class Container : public ::testing::Test {
 protected:
  void SetUp() override {
    const bool may = RunProgram({"unshare", "--mount", "--pid", "--fork", "true"}).exit_code == 0;
    if (!may) GTEST_SKIP() << "namespaces need root";
  }

  // In the script: `contain COMMAND` runs in a container of its own, and $init is the PID of the
  // process that runs the traced program there, as seen from outside.
  CommandOutput Run(const std::string& script) const {
    const std::string begin =
        "export LIMPET_RUNTIME_DIR=" + volume_.path() +
        "/trace limpet=" LIMPET_BINARY
        "; PATH=$(dirname $limpet):$PATH; mount -t tmpfs -o size=64m tmpfs " +
        volume_.path() +
        "; contain() { unshare --pid --mount --fork --mount-proc sh -c \"$1\"; };"
        "child() { set -- $(cat /proc/$1/task/$1/children); echo $1; };"
        "contain 'LIMPET_SAMPLE_BYTES=1 LD_PRELOAD=" LIMPET_LIBRARY " sleep 60; true' & outer=$!;" +
        kWait +
        "init=$outer; while [ $(grep NSpid /proc/$init/status | wc -w) -lt 3 ]; do "
        "init=$(child $init); done; process=$(child $init);";
    const std::string end = "; kill -9 $init 2>/dev/null; wait $outer; umount " + volume_.path();
    return RunProgram({"unshare", "--mount", "sh", "-c", begin + script + end});
  }

  static constexpr char kKill[] = "kill -9 $init; wait $outer;";

  TemporaryDirectory volume_;
};

TEST_F(Container, ShowsAProcessByThePidThatIsSeenFromOutside) {
  const CommandOutput output =
      Run("$limpet ps | grep -c \"^ *$process  running\"; $limpet ps | grep -c dead;"
          "$limpet dump $process -p heap -f text -o - | head -1");
  EXPECT_THAT(output.out, ContainsRegex("^1\n0\nheap profile: [1-9]")) << output.error;
}

// Outside, the PID that it had inside is another process's: `ps` names its segment instead.
TEST_F(Container, LeavesItsLastHeapOnTheVolume) {
  const CommandOutput output =
      Run(std::string(kKill) +
          "$limpet ps; $($limpet ps | sed -n 's/.*its profiles: //p') -p heap -f text -o -");
  EXPECT_THAT(output.out, ContainsRegex("dead [0-9]+s ago")) << output.error;
  EXPECT_THAT(output.out, ContainsRegex("heap profile: [1-9]")) << output.error;
}

TEST_F(Container, IsNotCalledDeadByAnotherContainer) {
  const CommandOutput output =
      Run("contain '$limpet ps; exec $limpet dump '$segment' -p heap -f text -o -'");
  EXPECT_THAT(output.out, HasSubstr("other container")) << output.error;
  EXPECT_THAT(output.out, Not(HasSubstr("dead "))) << output.error;
  EXPECT_THAT(output.out, HasSubstr("the process is of another container, alive or dead"));
}

TEST_F(Container, IsKnownToBeDeadByAnotherContainerOnceItIs) {
  const CommandOutput output = Run(std::string(kKill) + "contain '$limpet ps'");
  EXPECT_THAT(output.out, ContainsRegex("dead [0-9]+s ago")) << output.error;
}

TEST_F(Container, LeavesNothingInTheEndWhereNoneAreKept) {
  const CommandOutput output =
      Run("LIMPET_KEEP_DEAD=0 contain '$limpet ps'; ls $LIMPET_RUNTIME_DIR | wc -l;" +
          std::string(kKill) +
          "LIMPET_KEEP_DEAD=0 contain '$limpet ps >/dev/null';"
          "ls $LIMPET_RUNTIME_DIR | wc -l");
  EXPECT_THAT(output.out, ContainsRegex("\n1\n0\n$")) << output.error;
}

// PID 1 would become the parent of the companion that it starts.
TEST_F(Container, SaysThatItsFirstProcessStartsNoCompanion) {
  const std::string script =
      std::string(
          "unshare --pid --mount --fork --mount-proc env LIMPET_SAMPLE_BYTES=1 "
          "LD_PRELOAD=" LIMPET_LIBRARY " sleep 60 & outer=$!;") +
      kWait +
      "init=$(cat /proc/$outer/task/$outer/children); init=${init% };"
      "until grep -q '^SigCgt:.*[2367abef]..$' /proc/$init/status; do sleep 0.05; done;"
      "kill -USR1 $init; for i in $(seq 100); do " LIMPET_BINARY
      " ps | grep 'dump request' && break; sleep 0.1; done; kill -9 $init; wait $outer";
  const CommandOutput output =
      RunProgram({"sh", "-c", script}, {"LIMPET_RUNTIME_DIR=" + volume_.path()});
  EXPECT_THAT(output.out,
              ContainsRegex("1 dump request waits: no companion may be started from PID 1"));
}
#endif

}  // namespace
}  // namespace limpet
