#include "tools/symbol/elf_symbolizer.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "tests/tools/symbol/known_program.h"

namespace limpet {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The same program as different compilers and packagers write it down.
class ProgramShape : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (*GetParam() == '\0') GTEST_SKIP() << "this machine cannot make it";
  }

  std::string path_ = GetParam();
  ElfSymbolizer symbolizer_;
};

TEST_P(ProgramShape, ShowsInlinedFunctionsInnermostFirst) {
  const KnownFunction count = FunctionNamed(path_, "Shelf5Count");
  const auto frames = FramesInside(symbolizer_, path_, count, "Innermost");
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_THAT(frames[0].name, HasSubstr("(anonymous namespace)::Innermost"));
  EXPECT_THAT(frames[1].name, HasSubstr("Middle<int>"));
  EXPECT_EQ(frames[2].name, "shop::Shelf::Count(int) const");
  EXPECT_EQ(frames[2].system_name, "_ZNK4shop5Shelf5CountEi");
  EXPECT_EQ(frames[0].line, MarkedLine("innermost"));
  EXPECT_EQ(frames[1].line, MarkedLine("middle"));
  EXPECT_EQ(frames[2].line, MarkedLine("count"));
  EXPECT_EQ(frames[0].start_line, MarkedLine("innermost") - 1);
  EXPECT_EQ(frames[2].start_line, MarkedLine("count") - 1);
  for (const SourceFrame& frame : frames) {
    EXPECT_THAT(frame.file, EndsWith("program/inlined.cc"));
    EXPECT_EQ(frame.file.front(), '/') << frame.file;
  }
}

TEST_P(ProgramShape, NamesFunctionsThatOnlyOneFileKnows) {
  const KnownFunction lambda = FunctionNamed(path_, "4SortEiENK");
  const auto frames = FramesInside(symbolizer_, path_, lambda, "shop::Sort");
  ASSERT_FALSE(frames.empty());
  EXPECT_THAT(frames.back().name, HasSubstr("operator()"));
  const KnownFunction method = FunctionNamed(path_, "Multiply");
  EXPECT_THAT(symbolizer_.Resolve({path_, ""}, method.address).back().name,
              HasSubstr("(anonymous namespace)::Local::Multiply"));
}

TEST_P(ProgramShape, LeavesCNamesAlone) {
  const KnownFunction plain = FunctionNamed(path_, "plain_c_function");
  const auto frames = symbolizer_.Resolve({path_, ""}, plain.address);
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].name, "plain_c_function");
  EXPECT_EQ(frames[0].system_name, "plain_c_function");
}

TEST_P(ProgramShape, GivesASymbolWithoutFileWhereNoLineIsKnown) {
  const KnownFunction start = FunctionNamed(path_, "_start");
  const auto frames = symbolizer_.Resolve({path_, ""}, start.address);
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].name, "_start");
}

TEST_P(ProgramShape, IsSilentOutsideOfCode) {
  EXPECT_THAT(symbolizer_.Resolve({path_, ""}, 0), IsEmpty());
  EXPECT_THAT(symbolizer_.Resolve({path_, ""}, 8), IsEmpty());
  EXPECT_THAT(symbolizer_.Resolve({path_, ""}, ~0ULL), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Dwarf5, ProgramShape, ::testing::Values(LIMPET_TEST_DWARF5_PROGRAM));
INSTANTIATE_TEST_SUITE_P(Dwarf4, ProgramShape, ::testing::Values(LIMPET_TEST_DWARF4_PROGRAM));
INSTANTIATE_TEST_SUITE_P(Split, ProgramShape, ::testing::Values(LIMPET_TEST_SPLIT_PROGRAM));
INSTANTIATE_TEST_SUITE_P(Clang, ProgramShape, ::testing::Values(LIMPET_TEST_CLANG_PROGRAM));
INSTANTIATE_TEST_SUITE_P(Zlib, ProgramShape, ::testing::Values(LIMPET_TEST_COMPRESSED_PROGRAM));
INSTANTIATE_TEST_SUITE_P(Dwz, ProgramShape, ::testing::Values(LIMPET_TEST_SHARED_PROGRAM));

TEST(ElfSymbolizer, NamesByDynamicSymbolsAlone) {
  const KnownFunction visible = FunctionNamed(LIMPET_TEST_LIBRARY, "Visible");
  ElfSymbolizer symbolizer;
  const auto frames = symbolizer.Resolve({LIMPET_TEST_STRIPPED_LIBRARY, ""}, visible.address + 1);
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].name, "depot::Visible(int)");
  EXPECT_EQ(frames[0].system_name, "_ZN5depot7VisibleEi");
  EXPECT_EQ(frames[0].file, "");
  EXPECT_EQ(frames[0].line, 0);
}

TEST(ElfSymbolizer, NamesNothingAfterASymbolThatEndedBefore) {
  const KnownFunction hidden = FunctionNamed(LIMPET_TEST_LIBRARY, "Hidden");
  ElfSymbolizer symbolizer;
  EXPECT_THAT(symbolizer.Resolve({LIMPET_TEST_STRIPPED_LIBRARY, ""}, hidden.address), IsEmpty());
  EXPECT_THAT(symbolizer.Resolve({LIMPET_TEST_LIBRARY, ""}, hidden.address).back().name,
              HasSubstr("(anonymous namespace)::Hidden"));
}

TEST(ElfSymbolizer, NamesRust) {
  if (*LIMPET_TEST_RUST_PROGRAM == '\0') GTEST_SKIP() << "no rustc here";
  const KnownFunction largest = FunctionNamed(LIMPET_TEST_RUST_PROGRAM, "largest");
  ElfSymbolizer symbolizer;
  const auto frames = symbolizer.Resolve({LIMPET_TEST_RUST_PROGRAM, ""}, largest.address);
  ASSERT_FALSE(frames.empty());
  EXPECT_THAT(frames.back().name, HasSubstr("rust_program::shop::largest"));
  EXPECT_THAT(frames.back().file, EndsWith("rust_program.rs"));
  EXPECT_GT(frames.back().start_line, 0);
}

TEST(ElfSymbolizer, RefusesAFileThatHasBecomeAnotherBuild) {
  const std::string loaded(40, 'a');
  ElfSymbolizer symbolizer;
  const ModuleFile module = {LIMPET_TEST_DWARF5_PROGRAM, loaded};
  const KnownFunction main = FunctionNamed(LIMPET_TEST_DWARF5_PROGRAM, "main");
  EXPECT_THAT(symbolizer.Resolve(module, main.address), IsEmpty());
  EXPECT_THAT(symbolizer.Resolve(module, main.address + 1), IsEmpty());
  const std::string now = BuildIdOf(LIMPET_TEST_DWARF5_PROGRAM).substr(0, 12);
  EXPECT_THAT(symbolizer.Complaints(),
              ElementsAre(std::string(LIMPET_TEST_DWARF5_PROGRAM) +
                          " changed since it was loaded (build id aaaaaaaaaaaa, now " + now + ")"));
}

TEST(ElfSymbolizer, RefusesANewerFileOnlyWhereThereIsNoBuildId) {
  constexpr std::uint64_t kLongAgo = 1;
  const KnownFunction main = FunctionNamed(LIMPET_TEST_DWARF5_PROGRAM, "main");
  ElfSymbolizer symbolizer;
  EXPECT_THAT(symbolizer.Resolve({LIMPET_TEST_DWARF5_PROGRAM, "", kLongAgo}, main.address),
              IsEmpty());
  EXPECT_THAT(symbolizer.Complaints(), ElementsAre(HasSubstr("has no build id")));
  const ModuleFile with_id = {LIMPET_TEST_DWARF5_PROGRAM, BuildIdOf(LIMPET_TEST_DWARF5_PROGRAM),
                              kLongAgo};
  EXPECT_EQ(symbolizer.Resolve(with_id, main.address).back().name, "main");
}

TEST(ElfSymbolizer, FindsByBuildIdWhatTheOtherRootHasNot) {
  ElfSymbolizer symbolizer(DebugPlace{"/proc/self/fd"});
  const KnownFunction main = FunctionNamed(LIMPET_TEST_DWARF5_PROGRAM, "main");
  const ModuleFile with_id = {LIMPET_TEST_DWARF5_PROGRAM, BuildIdOf(LIMPET_TEST_DWARF5_PROGRAM)};
  EXPECT_EQ(symbolizer.Resolve(with_id, main.address).back().name, "main");
  EXPECT_THAT(symbolizer.Resolve({LIMPET_TEST_DWARF5_PROGRAM, ""}, main.address), IsEmpty());
}

TEST(ElfSymbolizer, AcceptsTheFileWithTheSameBuildId) {
  ElfSymbolizer symbolizer;
  const ModuleFile module = {std::string(LIMPET_TEST_DWARF5_PROGRAM) + " (deleted)",
                             BuildIdOf(LIMPET_TEST_DWARF5_PROGRAM)};
  const KnownFunction main = FunctionNamed(LIMPET_TEST_DWARF5_PROGRAM, "main");
  EXPECT_EQ(symbolizer.Resolve(module, main.address).back().name, "main");
  EXPECT_THAT(symbolizer.Complaints(), IsEmpty());
}

TEST(ElfSymbolizer, ComplainsOnceAboutAFileThatIsGone) {
  ElfSymbolizer symbolizer;
  symbolizer.Resolve({"/gone/library.so", ""}, 1);
  symbolizer.Resolve({"/gone/library.so", ""}, 2);
  EXPECT_THAT(symbolizer.Complaints(), ElementsAre(HasSubstr("/gone/library.so")));
}

TEST(ElfSymbolizer, IsSilentAboutMemoryThatIsNoFile) {
  ElfSymbolizer symbolizer;
  for (const char* path : {"", "[heap]", "[stack]", "//anon", "/memfd:jit (deleted)"}) {
    EXPECT_THAT(symbolizer.Resolve({path, ""}, 4096), IsEmpty());
  }
  EXPECT_THAT(symbolizer.Complaints(), IsEmpty());
}

TEST(ElfSymbolizer, LooksInTheRootOfAnotherProcess) {
  ElfSymbolizer symbolizer(DebugPlace{"/proc/self/root"});
  const KnownFunction main = FunctionNamed(LIMPET_TEST_DWARF5_PROGRAM, "main");
  const auto frames = symbolizer.Resolve({LIMPET_TEST_DWARF5_PROGRAM, ""}, main.address);
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(frames.back().name, "main");
}

TEST(ElfSymbolizer, NamesTheVdsoOfOurOwnKernelOnly) {
  const auto vdso = ElfImage::OpenVdso();
  ASSERT_TRUE(vdso.ok());
  const SymbolTable symbols({vdso->get()});
  ElfSymbolizer symbolizer;
  std::size_t named = 0;
  for (std::uint64_t address = 0; address < (*vdso)->bytes().size(); ++address) {
    if (!symbols.Find(address).has_value()) continue;
    const auto frames = symbolizer.Resolve({"[vdso]", (*vdso)->build_id()}, address);
    ASSERT_EQ(frames.size(), 1U);
    EXPECT_THAT(symbolizer.Resolve({"[vdso]", "00112233"}, address), IsEmpty());
    ++named;
  }
  EXPECT_GT(named, 0U);
}

// A server that would be asked for the debug information of a stripped library, were one asked.
TEST(ElfSymbolizer, NeverAsksADebuginfodServer) {
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(bind(server, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(server, 1), 0);
  ASSERT_EQ(getsockname(server, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  ASSERT_EQ(setenv("DEBUGINFOD_URLS", url.c_str(), 1), 0);
  ElfSymbolizer symbolizer;
  for (const KnownFunction& function : FunctionsOf(LIMPET_TEST_STRIPPED_LIBRARY)) {
    symbolizer.Resolve({LIMPET_TEST_STRIPPED_LIBRARY, ""}, function.address);
  }
  symbolizer.Resolve({"/gone/library.so", std::string(40, 'b')}, 4096);
  pollfd connection = {server, POLLIN, 0};
  EXPECT_EQ(poll(&connection, 1, 0), 0);
  unsetenv("DEBUGINFOD_URLS");
  close(server);
}

}  // namespace
}  // namespace limpet
