#include "tools/symbol/elf_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/tools/symbol/known_program.h"

namespace limpet {
namespace {

using ::testing::HasSubstr;

TEST(ElfImage, KnowsBuildIdAndCode) {
  const auto image = ElfImage::Open(LIMPET_TEST_DWARF5_PROGRAM, "");
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ((*image)->build_id().size(), 40U);
  const KnownFunction main = FunctionNamed(LIMPET_TEST_DWARF5_PROGRAM, "main");
  EXPECT_TRUE((*image)->IsCode(main.address));
  EXPECT_FALSE((*image)->IsCode(0));
  EXPECT_FALSE((*image)->IsCode(~0ULL));
  EXPECT_TRUE((*image)->HasDebugInfo());
}

TEST(ElfImage, SeesNoSectionsOfTheStrippedFile) {
  const auto image = ElfImage::Open(LIMPET_TEST_STRIPPED_LIBRARY, "");
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_FALSE((*image)->HasDebugInfo());
  EXPECT_EQ((*image)->FindSection(".symtab"), nullptr);
  EXPECT_NE((*image)->FindSection(".dynsym"), nullptr);
}

TEST(ElfImage, TakesNoContentFromTheHeadersOfADebugFile) {
  const auto image = ElfImage::Open(LIMPET_TEST_PROGRAM_DEBUG_FILE, "");
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ((*image)->FindSection(".text"), nullptr);
  EXPECT_TRUE((*image)->IsCode(FunctionNamed(LIMPET_TEST_DWARF5_PROGRAM, "main").address));
}

TEST(ElfImage, SaysWhyItCannotOpen) {
  EXPECT_THAT(std::string(ElfImage::Open("/nowhere/at/all", "").status().message()),
              HasSubstr("/nowhere/at/all"));
  EXPECT_THAT(std::string(ElfImage::Open(LIMPET_TEST_PROGRAM_SOURCE, "").status().message()),
              HasSubstr("not an ELF file"));
  EXPECT_THAT(std::string(ElfImage::Open("/dev/zero", "").status().message()),
              HasSubstr("not a regular file"));
}

TEST(ElfImage, DoesNotWaitForTheWriterOfAFifo) {
  const std::string path = std::string(LIMPET_TEST_SCRATCH) + "/fifo" + std::to_string(getpid());
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_FALSE(ElfImage::Open(path, "").ok());
  unlink(path.c_str());
}

TEST(ElfImage, FollowsAbsoluteLinksInsideTheRoot) {
  const std::string root = std::string(LIMPET_TEST_SCRATCH) + "/root" + std::to_string(getpid());
  ASSERT_EQ(mkdir(root.c_str(), 0700), 0);
  WriteFile(root + "/program", ReadFile(LIMPET_TEST_DWARF5_PROGRAM));
  ASSERT_EQ(symlink("/program", (root + "/link").c_str()), 0);
  ASSERT_EQ(symlink("/../../../../../bin/sh", (root + "/escape").c_str()), 0);
  EXPECT_TRUE(ElfImage::Open("/link", root).ok());
  EXPECT_FALSE(ElfImage::Open("/escape", root).ok());
  for (const char* name : {"/program", "/link", "/escape"}) unlink((root + name).c_str());
  rmdir(root.c_str());
}

TEST(ElfImage, IsTheSameAfterItsPagesWereDropped) {
  const auto image = ElfImage::Open(LIMPET_TEST_DWARF5_PROGRAM, "");
  ASSERT_TRUE(image.ok());
  const Elf_Data* section = (*image)->FindSection(".debug_info");
  ASSERT_NE(section, nullptr);
  const std::string before(static_cast<const char*>(section->d_buf), section->d_size);
  (*image)->DropPages(".debug_info");
  EXPECT_EQ(before, std::string(static_cast<const char*>(section->d_buf), section->d_size));
}

TEST(ElfImage, OpensOurVdso) {
  const auto image = ElfImage::OpenVdso();
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_FALSE((*image)->build_id().empty());
}

}  // namespace
}  // namespace limpet
