#include "tools/symbol/debug_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/tools/symbol/known_program.h"
#include "tools/symbol/elf_symbolizer.h"

namespace limpet {
namespace {

namespace fs = std::filesystem;

// A debug directory of our own, with what each test puts there.
class DebugFileTest : public ::testing::Test {
 protected:
  DebugFileTest()
      : directory_(fs::path(LIMPET_TEST_SCRATCH) /
                   ("debug_" +
                    std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()))) {
    fs::remove_all(directory_);
    fs::create_directories(directory_);
  }
  ~DebugFileTest() override { fs::remove_all(directory_); }

  DebugPlace Place() const { return {"", directory_.string()}; }

  void AddByBuildId(const std::string& build_id, const std::string& path) const {
    const fs::path folder = directory_ / ".build-id" / build_id.substr(0, 2);
    fs::create_directories(folder);
    fs::copy_file(path, folder / (build_id.substr(2) + ".debug"));
  }

  fs::path directory_;
};

TEST_F(DebugFileTest, IsFoundByBuildId) {
  const std::string build_id = BuildIdOf(LIMPET_TEST_DWARF5_PROGRAM);
  AddByBuildId(build_id, LIMPET_TEST_PROGRAM_DEBUG_FILE);
  EXPECT_TRUE(FindDebugFile(build_id, Place()).ok());
  EXPECT_TRUE(FindDebugFile(build_id, {"/proc/self/root", directory_.string()}).ok());
  EXPECT_FALSE(FindDebugFile(build_id, {"", "/nowhere"}).ok());
}

TEST_F(DebugFileTest, OfAnotherBuildIsRefused) {
  const std::string build_id = BuildIdOf(LIMPET_TEST_DWARF5_PROGRAM);
  AddByBuildId(build_id, LIMPET_TEST_DWARF4_PROGRAM);
  EXPECT_FALSE(FindDebugFile(build_id, Place()).ok());
}

TEST_F(DebugFileTest, IsNotSoughtOutsideTheDirectory) {
  EXPECT_FALSE(FindDebugFile("../../../../bin/sh", Place()).ok());
  EXPECT_FALSE(FindDebugFile("", Place()).ok());
  EXPECT_FALSE(FindDebugFile("ab", Place()).ok());
}

TEST_F(DebugFileTest, IsFoundByLinkBesideTheProgram) {
  const auto image = ElfImage::Open(LIMPET_TEST_LINKED_PROGRAM, "");
  ASSERT_TRUE(image.ok());
  ASSERT_TRUE((*image)->build_id().empty());
  EXPECT_TRUE(FindDebugFile(**image, Place()).ok());
}

TEST_F(DebugFileTest, IsFoundByLinkBelowTheDebugDirectory) {
  const fs::path program = directory_ / "bin" / "program";
  const fs::path below = directory_ / program.parent_path().relative_path();
  fs::create_directories(program.parent_path());
  fs::create_directories(below);
  fs::copy_file(LIMPET_TEST_LINKED_PROGRAM, program);
  fs::copy_file(LIMPET_TEST_PROGRAM_DEBUG_FILE, below / "inlined.debug");
  const auto image = ElfImage::Open(program.string(), "");
  ASSERT_TRUE(image.ok());
  EXPECT_TRUE(FindDebugFile(**image, Place()).ok());
}

TEST_F(DebugFileTest, WithAnotherChecksumIsRefused) {
  const fs::path program = directory_ / "program";
  fs::copy_file(LIMPET_TEST_LINKED_PROGRAM, program);
  fs::copy_file(LIMPET_TEST_DWARF4_PROGRAM, directory_ / "inlined.debug");
  const auto image = ElfImage::Open(program.string(), "");
  ASSERT_TRUE(image.ok());
  EXPECT_FALSE(FindDebugFile(**image, Place()).ok());
}

TEST_F(DebugFileTest, GivesLinesToTheStrippedProgram) {
  const KnownFunction count = FunctionNamed(LIMPET_TEST_DWARF5_PROGRAM, "Shelf5Count");
  ElfSymbolizer symbolizer(Place());
  const auto frames = FramesInside(symbolizer, LIMPET_TEST_LINKED_PROGRAM, count, "Innermost");
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames[0].line, MarkedLine("innermost"));
}

TEST_F(DebugFileTest, StandsForAProgramThatIsGone) {
  const std::string build_id = BuildIdOf(LIMPET_TEST_DWARF5_PROGRAM);
  AddByBuildId(build_id, LIMPET_TEST_PROGRAM_DEBUG_FILE);
  const KnownFunction main = FunctionNamed(LIMPET_TEST_DWARF5_PROGRAM, "main");
  ElfSymbolizer symbolizer(Place());
  const auto frames = symbolizer.Resolve({"/gone/program (deleted)", build_id}, main.address);
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(frames.back().name, "main");
  EXPECT_TRUE(symbolizer.Complaints().empty());
}

TEST_F(DebugFileTest, IsUnpackedFromTheProgram) {
  if (*LIMPET_TEST_PACKED_PROGRAM == '\0') GTEST_SKIP() << "no xz here";
  ElfSymbolizer symbolizer(Place());
  const auto functions = FunctionsOf(LIMPET_TEST_DWARF5_PROGRAM);
  for (const KnownFunction& function : functions) {
    const auto frames = symbolizer.Resolve({LIMPET_TEST_PACKED_PROGRAM, ""}, function.address);
    EXPECT_FALSE(frames.empty()) << function.name;
  }
  const KnownFunction local = FunctionNamed(LIMPET_TEST_DWARF5_PROGRAM, "Multiply");
  const auto frames = symbolizer.Resolve({LIMPET_TEST_PACKED_PROGRAM, ""}, local.address);
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_THAT(frames[0].name, ::testing::HasSubstr("Local::Multiply"));
}

TEST_F(DebugFileTest, IsSharedWithOtherProgramsByDwz) {
  if (*LIMPET_TEST_SHARED_PROGRAM == '\0') GTEST_SKIP() << "no dwz here";
  const KnownFunction count = FunctionNamed(LIMPET_TEST_DWARF5_PROGRAM, "Shelf5Count");
  ElfSymbolizer symbolizer(Place());
  const auto frames = FramesInside(symbolizer, LIMPET_TEST_SHARED_PROGRAM, count, "Innermost");
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames[2].line, MarkedLine("count"));
}

}  // namespace
}  // namespace limpet
