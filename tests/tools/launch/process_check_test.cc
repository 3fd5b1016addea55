#include "tools/launch/process_check.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/tools/launch/temporary_folder.h"

namespace limpet {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::uint32_t kPid = 4242;
constexpr char kUser1Bit[] = "0000000000000200";
constexpr char kNoBit[] = "0000000000000000";

auto Says(Severity severity, const std::string& words) {
  return AllOf(Field("severity", &Finding::severity, severity),
               Field("message", &Finding::message, HasSubstr(words)));
}

// A /proc with one process in it.
class FakeProc {
 public:
  explicit FakeProc(const std::string& toy) {
    Write("stat", "4242 (toy) S 1 4242 4242 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 12345 0 0");
    SetSignals(kNoBit, kNoBit, kNoBit);
    Write("maps", "00400000-00401000 r-xp 00000000 00:00 1 /bin/toy\n");
    Write("environ", "");
    Write("auxv", "");
    std::filesystem::create_symlink(ToyProgram(toy), folder_.Path("4242/exe"));
  }

  void Write(const std::string& name, const std::string& text) {
    folder_.Write("4242/" + name, text);
  }
  void SetSignals(const std::string& blocked, const std::string& ignored,
                  const std::string& caught) {
    Write("status", "Name:\ttoy\nUid:\t0\t0\t0\t0\nNSpid:\t4242\nSigBlk:\t" + blocked +
                        "\nSigIgn:\t" + ignored + "\nSigCgt:\t" + caught + "\n");
  }
  void MapLibrary() {
    Write("maps", "7f0000000000-7f0000001000 r-xp 00000000 00:00 1 /opt/liblimpet.so\n");
  }
  void SetSecure() {
    Elf64_auxv_t entry = {};
    entry.a_type = AT_SECURE;
    entry.a_un.a_val = 1;
    Write("auxv", std::string(reinterpret_cast<const char*>(&entry), sizeof(entry)));
  }
  [[nodiscard]] ProcessReport Check() const { return CheckProcess(kPid, folder_.Path("")).value(); }

 private:
  TemporaryFolder folder_;
};

TEST(CheckProcess, SaysThatAProcessIsTraced) {
  FakeProc proc("plain");
  proc.MapLibrary();
  proc.SetSignals(kNoBit, kNoBit, kUser1Bit);
  const ProcessReport report = proc.Check();
  EXPECT_TRUE(report.is_traced);
  EXPECT_THAT(report.findings, ElementsAre(Says(Severity::kNote, "is traced")));
}

TEST(CheckProcess, SaysThatTracingIsSwitchedOff) {
  FakeProc proc("plain");
  proc.MapLibrary();
  proc.Write("environ", std::string("LIMPET_DISABLE=1\0", 17));
  EXPECT_THAT(proc.Check().findings, Contains(Says(Severity::kBlocks, "LIMPET_DISABLE")));
}

TEST(CheckProcess, ExplainsAProcessStartedWithoutUs) {
  FakeProc proc("plain");
  EXPECT_THAT(proc.Check().findings, Contains(Says(Severity::kBlocks, "started without")));
}

TEST(CheckProcess, PutsTheProgramsOwnReasonFirst) {
  FakeProc proc("static");
  const ProcessReport report = proc.Check();
  EXPECT_THAT(report.findings, Contains(Says(Severity::kBlocks, "linked statically")));
  EXPECT_THAT(report.findings, Not(Contains(Says(Severity::kBlocks, "started without"))));
}

TEST(CheckProcess, TellsASecureProcessFromAMissingLibrary) {
  FakeProc proc("plain");
  proc.Write("environ", std::string("LD_PRELOAD=/x/liblimpet.so\0", 27));
  EXPECT_THAT(proc.Check().findings, Contains(Says(Severity::kBlocks, "could not open it")));
  proc.SetSecure();
  EXPECT_THAT(proc.Check().findings, Contains(Says(Severity::kBlocks, "gained rights")));
}

TEST(CheckProcess, SaysWhatTheSignalWouldDo) {
  FakeProc proc("plain");
  proc.MapLibrary();
  EXPECT_THAT(proc.Check().findings, Contains(Says(Severity::kLimits, "would end the process")));
  proc.SetSignals(kNoBit, kUser1Bit, kNoBit);
  EXPECT_THAT(proc.Check().findings, Contains(Says(Severity::kLimits, "is ignored")));
  proc.SetSignals(kUser1Bit, kNoBit, kUser1Bit);
  EXPECT_THAT(proc.Check().findings, Contains(Says(Severity::kNote, "is blocked")));
}

TEST(CheckProcess, LooksAtTheSignalThatTheProcessWasGiven) {
  FakeProc proc("plain");
  proc.MapLibrary();
  proc.SetSignals(kNoBit, kNoBit, kUser1Bit);
  proc.Write("environ", std::string("LIMPET_SIGNAL=USR2\0", 19));
  EXPECT_THAT(proc.Check().findings, Contains(Says(Severity::kLimits, "signal 12")));
  proc.Write("environ", std::string("LIMPET_SIGNAL=none\0", 19));
  EXPECT_THAT(proc.Check().findings, Not(Contains(Says(Severity::kLimits, "signal"))));
}

TEST(CheckProcess, SaysThatThereIsNoSuchProcess) {
  TemporaryFolder folder;
  EXPECT_TRUE(absl::IsNotFound(CheckProcess(kPid, folder.Path("")).status()));
}

}  // namespace
}  // namespace limpet
