// Files that are cut, overwritten or random: whatever a symbolizer meets, it goes on.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <random>

#include "tests/tools/symbol/known_program.h"
#include "tools/symbol/elf_symbolizer.h"

namespace limpet {
namespace {

class HostileFile : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (*GetParam() == '\0') GTEST_SKIP() << "this machine cannot make it";
    original_ = ReadFile(GetParam());
    for (const KnownFunction& function : FunctionsOf(LIMPET_TEST_DWARF5_PROGRAM)) {
      for (std::uint64_t offset = 0; offset < function.size; offset += 7) {
        addresses_.push_back(function.address + offset);
      }
    }
  }
  void TearDown() override { unlink(path_.c_str()); }

  // There is nothing to expect of the answers but that they come.
  void Resolve(const std::vector<char>& bytes) {
    WriteFile(path_, bytes);
    ElfSymbolizer symbolizer(DebugPlace{"", "/nowhere"});
    for (const std::uint64_t address : addresses_) symbolizer.Resolve({path_, ""}, address);
    EXPECT_LE(symbolizer.Complaints().size(), 1U);
  }

  std::string path_ = std::string(LIMPET_TEST_SCRATCH) + "/hostile" + std::to_string(getpid());
  std::vector<char> original_;
  std::vector<std::uint64_t> addresses_;
};

TEST_P(HostileFile, CutAnywhereIsSurvived) {
  const std::size_t step = original_.size() / 60 + 1;
  for (std::size_t size = 0; size < original_.size(); size += step) {
    Resolve({original_.begin(), original_.begin() + static_cast<std::ptrdiff_t>(size)});
  }
}

TEST_P(HostileFile, WithRandomBytesInItIsSurvived) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<char> bytes = original_;
    const std::size_t changes = 1 + random() % 200;
    for (std::size_t change = 0; change < changes; ++change) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    Resolve(bytes);
  }
}

TEST_P(HostileFile, WithARunOfOneByteIsSurvived) {
  std::mt19937 random(8);
  for (int round = 0; round < 200; ++round) {
    std::vector<char> bytes = original_;
    const std::size_t begin = random() % bytes.size();
    const std::size_t count = std::min<std::size_t>(1 + random() % 2000, bytes.size() - begin);
    const char fill = round % 2 == 0 ? '\0' : '\xff';
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(begin), count, fill);
    Resolve(bytes);
  }
}

// A few bytes at a time, so that much of what is around them is still believed.
TEST_P(HostileFile, WithRandomBytesInOneSectionIsSurvived) {
  std::mt19937 random(10);
  const auto image = ElfImage::Open(GetParam(), "");
  ASSERT_TRUE(image.ok());
  for (const char* name : {".debug_line", ".debug_info", ".debug_abbrev", ".debug_rnglists"}) {
    const Elf_Data* section = (*image)->FindSection(name);
    if (section == nullptr || section->d_size == 0) continue;
    const char* content = static_cast<const char*>(section->d_buf);
    const auto begin = static_cast<std::size_t>(content - (*image)->bytes().data());
    for (int round = 0; round < 100; ++round) {
      std::vector<char> bytes = original_;
      // The header of a table is where most decisions are made.
      const std::size_t range =
          round % 2 == 0 ? std::min<std::size_t>(section->d_size, 128) : section->d_size;
      for (int change = 0; change < 3; ++change) {
        bytes[begin + random() % range] = static_cast<char>(random());
      }
      Resolve(bytes);
    }
  }
}

TEST_P(HostileFile, OfGarbageIsSurvived) {
  std::mt19937 random(9);
  std::vector<char> bytes(10'000);
  std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<char>(random()); });
  Resolve(bytes);
  std::copy_n(original_.begin(), 64, bytes.begin());
  Resolve(bytes);
  Resolve({});
}

INSTANTIATE_TEST_SUITE_P(Dwarf5, HostileFile, ::testing::Values(LIMPET_TEST_DWARF5_PROGRAM));
INSTANTIATE_TEST_SUITE_P(Dwarf4, HostileFile, ::testing::Values(LIMPET_TEST_DWARF4_PROGRAM));
INSTANTIATE_TEST_SUITE_P(Clang, HostileFile, ::testing::Values(LIMPET_TEST_CLANG_PROGRAM));
INSTANTIATE_TEST_SUITE_P(Zlib, HostileFile, ::testing::Values(LIMPET_TEST_COMPRESSED_PROGRAM));
INSTANTIATE_TEST_SUITE_P(Xz, HostileFile, ::testing::Values(LIMPET_TEST_PACKED_PROGRAM));
INSTANTIATE_TEST_SUITE_P(Stripped, HostileFile, ::testing::Values(LIMPET_TEST_STRIPPED_LIBRARY));

}  // namespace
}  // namespace limpet
