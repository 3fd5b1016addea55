#include "tools/launch/program_check.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sstream>

#include "tests/tools/launch/temporary_folder.h"

namespace limpet {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr bool kExecutable = true;

auto Says(Severity severity, const std::string& words) {
  return AllOf(Field("severity", &Finding::severity, severity),
               Field("message", &Finding::message, HasSubstr(words)));
}

Findings FindingsOf(const std::string& toy) {
  return CheckElfFile(ToyProgram(toy), ToyProgram(toy));
}

std::string Contents(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

TEST(CheckElfFile, FindsNothingInAnOrdinaryProgram) { EXPECT_THAT(FindingsOf("plain"), IsEmpty()); }

TEST(CheckElfFile, BlocksAStaticProgram) {
  EXPECT_THAT(FindingsOf("static"), ElementsAre(Says(Severity::kBlocks, "linked statically")));
}

TEST(CheckElfFile, SendsAStaticGoProgramToGosOwnProfiles) {
  const Findings findings = FindingsOf("static_go_like");
  ASSERT_THAT(findings, ElementsAre(Says(Severity::kBlocks, "linked statically")));
  EXPECT_THAT(findings[0].cure, HasSubstr("net/http/pprof"));
}

TEST(CheckElfFile, BlocksMusl) {
  EXPECT_THAT(FindingsOf("musl_like"), ElementsAre(Says(Severity::kBlocks, "musl")));
}

TEST(CheckElfFile, BlocksASanitizerAndSaysWhich) {
  EXPECT_THAT(FindingsOf("sanitized"), ElementsAre(Says(Severity::kBlocks, "AddressSanitizer")));
}

TEST(CheckElfFile, SaysThatAProgramsOwnMallocIsNotSeen) {
  EXPECT_THAT(FindingsOf("own_malloc"),
              ElementsAre(Says(Severity::kLimits, "defines malloc itself")));
  EXPECT_THAT(FindingsOf("hidden_malloc"),
              ElementsAre(Says(Severity::kLimits, "has a malloc of its own")));
  EXPECT_THAT(FindingsOf("prefixed_malloc"),
              ElementsAre(Says(Severity::kLimits, "jemalloc built in")));
}

TEST(CheckElfFile, SaysThatGosHeapIsNotSeen) {
  EXPECT_THAT(FindingsOf("go_like"), ElementsAre(Says(Severity::kLimits, "Go program")));
}

TEST(CheckElfFile, NotesASharedAllocator) {
  EXPECT_THAT(FindingsOf("jemalloc_user"), ElementsAre(Says(Severity::kNote, "libjemalloc.so.2")));
}

TEST(CheckElfFile, BlocksOtherMachines) {
  TemporaryFolder folder;
  std::string program = Contents(ToyProgram("plain"));
  program[offsetof(Elf64_Ehdr, e_machine)] = static_cast<char>(EM_AARCH64);
  EXPECT_THAT(CheckElfFile(folder.Write("arm", program), "arm"),
              ElementsAre(Says(Severity::kBlocks, "64-bit aarch64")));
  // Only the head of a 32-bit program is real here; the rest is as hostile as a file may be.
  program[offsetof(Elf64_Ehdr, e_machine)] = static_cast<char>(EM_386);
  program[EI_CLASS] = ELFCLASS32;
  EXPECT_THAT(CheckElfFile(folder.Write("i386", program), "i386"),
              ElementsAre(Says(Severity::kBlocks, "32-bit i386")));
}

TEST(CheckElfFile, SurvivesAProgramCutAnywhere) {
  TemporaryFolder folder;
  const std::string program = Contents(ToyProgram("plain"));
  for (std::size_t bytes = 0; bytes < program.size(); bytes += 97) {
    const std::string cut = folder.Write("cut", program.substr(0, bytes));
    CheckElfFile(cut, "cut");
  }
}

TEST(CheckElfFile, CannotJudgeWhatIsNoProgram) {
  TemporaryFolder folder;
  EXPECT_THAT(CheckElfFile(folder.Write("text", "hello"), "text"),
              ElementsAre(Says(Severity::kLimits, "cannot be judged")));
}

// Only root can give a file away, and only a set-ID bit of somebody else makes the loader secure.
TEST(CheckElfFile, BlocksSetUserAndSetGroupId) {
  if (getuid() != 0) GTEST_SKIP() << "needs root";
  TemporaryFolder folder;
  const std::string copy = folder.Write("copy", Contents(ToyProgram("plain")), kExecutable);
  ASSERT_EQ(chown(copy.c_str(), 65534, 65534), 0);
  ASSERT_EQ(chmod(copy.c_str(), 04755), 0);
  EXPECT_THAT(CheckElfFile(copy, copy), ElementsAre(Says(Severity::kBlocks, "set-user-ID")));
  ASSERT_EQ(chmod(copy.c_str(), 02755), 0);
  EXPECT_THAT(CheckElfFile(copy, copy), ElementsAre(Says(Severity::kBlocks, "set-group-ID")));
}

TEST(CheckElfFile, LetsAUsersOwnSetUserIdPass) {
  TemporaryFolder folder;
  const std::string copy = folder.Write("copy", Contents(ToyProgram("plain")), kExecutable);
  ASSERT_EQ(chmod(copy.c_str(), 04755), 0);
  EXPECT_THAT(CheckElfFile(copy, copy), IsEmpty());
}

TEST(CheckCommand, JudgesTheInterpreterOfAScript) {
  TemporaryFolder folder;
  const std::string script =
      folder.Write("script", "#!" + ToyProgram("static") + "\n", kExecutable);
  const ProgramReport report = CheckCommand(script, "").value();
  EXPECT_EQ(report.program, ToyProgram("static"));
  EXPECT_THAT(report.findings, ElementsAre(Says(Severity::kNote, "is a script"),
                                           Says(Severity::kBlocks, "linked statically")));
}

TEST(CheckCommand, PassesOnThatACommandIsMissing) {
  EXPECT_TRUE(absl::IsNotFound(CheckCommand("no-such-command", "/nowhere").status()));
}

TEST(CheckCommand, EveryFindingThatTakesSomethingAwayHasACure) {
  for (const char* toy : {"static", "musl_like", "sanitized", "own_malloc", "hidden_malloc",
                          "prefixed_malloc", "go_like", "static_go_like"}) {
    for (const Finding& finding : FindingsOf(toy)) EXPECT_NE(finding.cure, "") << toy;
  }
}

}  // namespace
}  // namespace limpet
