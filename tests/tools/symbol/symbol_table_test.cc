#include "tools/symbol/symbol_table.h"

#include <gtest/gtest.h>

#include "tests/tools/symbol/elf_writer.h"
#include "tests/tools/symbol/known_program.h"

namespace limpet {
namespace {

constexpr std::uint64_t kCode = 0x1000;  // where ElfWriter's code begins, 0x1000 bytes of it

std::string NameAt(const std::vector<WrittenSymbol>& symbols, std::uint64_t address) {
  const auto image = ElfImage::FromBytes(WriteElf(symbols), "written");
  EXPECT_TRUE(image.ok()) << image.status();
  const auto found = SymbolTable({image->get()}).Find(address);
  return found.has_value() ? found->name : "";
}

TEST(SymbolTable, EndsWithTheSymbol) {
  const std::vector<WrittenSymbol> symbols = {{"first", kCode, 16}, {"second", kCode + 64, 16}};
  EXPECT_EQ(NameAt(symbols, kCode - 1), "");
  EXPECT_EQ(NameAt(symbols, kCode), "first");
  EXPECT_EQ(NameAt(symbols, kCode + 15), "first");
  EXPECT_EQ(NameAt(symbols, kCode + 16), "");
  EXPECT_EQ(NameAt(symbols, kCode + 64), "second");
}

TEST(SymbolTable, ExtendsSymbolsWithoutSizeToTheNext) {
  const std::vector<WrittenSymbol> symbols = {{"bare", kCode, 0}, {"next", kCode + 64, 0}};
  EXPECT_EQ(NameAt(symbols, kCode + 63), "bare");
  EXPECT_EQ(NameAt(symbols, kCode + 0xfff), "next");
  EXPECT_EQ(NameAt(symbols, kCode + 0x1000), "");
}

TEST(SymbolTable, ReturnsToTheOuterSymbol) {
  const std::vector<WrittenSymbol> symbols = {{"outer", kCode, 64}, {"inner", kCode + 16, 16}};
  EXPECT_EQ(NameAt(symbols, kCode + 20), "inner");
  EXPECT_EQ(NameAt(symbols, kCode + 40), "outer");
}

TEST(SymbolTable, LetsNoBareLabelTakeOverASizedFunction) {
  const std::vector<WrittenSymbol> symbols = {{"sized", kCode, 64}, {"label", kCode + 16, 0}};
  EXPECT_EQ(NameAt(symbols, kCode + 20), "sized");
  EXPECT_EQ(NameAt(symbols, kCode + 64), "label");
}

TEST(SymbolTable, PrefersGlobalThenLocalThenWeak) {
  const WrittenSymbol global = {"zz_global", kCode, 8, STB_GLOBAL};
  const WrittenSymbol local = {"mm_local", kCode, 8, STB_LOCAL};
  const WrittenSymbol weak = {"aa_weak", kCode, 8, STB_WEAK};
  EXPECT_EQ(NameAt({weak, local, global}, kCode), "zz_global");
  EXPECT_EQ(NameAt({weak, local}, kCode), "mm_local");
  EXPECT_EQ(NameAt({weak}, kCode), "aa_weak");
}

TEST(SymbolTable, PrefersPlainNames) {
  EXPECT_EQ(NameAt({{"__libc_read", kCode, 8}, {"__read", kCode, 8}, {"read", kCode, 8}}, kCode),
            "read");
  EXPECT_EQ(NameAt({{"copy@@GLIBC_2.14", kCode, 8}, {"copy_old", kCode, 8}}, kCode), "copy_old");
  EXPECT_EQ(NameAt({{"copy@@GLIBC_2.14", kCode, 8}}, kCode), "copy");
}

TEST(SymbolTable, IgnoresWhatIsNoCode) {
  EXPECT_EQ(NameAt({{"data", kCode, 8, STB_GLOBAL, STT_OBJECT}}, kCode), "");
  EXPECT_EQ(NameAt({{"dropped", 0, 8}}, 0), "");
  EXPECT_EQ(NameAt({{"huge", kCode, ~0ULL}}, kCode + 0x2000), "");
}

TEST(SymbolTable, KnowsEveryFunctionOfTheDynamicTable) {
  const auto image = ElfImage::Open(LIMPET_TEST_STRIPPED_LIBRARY, "");
  ASSERT_TRUE(image.ok()) << image.status();
  const SymbolTable table({image->get()});
  const auto functions = FunctionsOf(LIMPET_TEST_STRIPPED_LIBRARY);
  EXPECT_GE(functions.size(), 2U);
  for (const KnownFunction& function : functions) {
    const auto found = table.Find(function.address + function.size - 1);
    ASSERT_TRUE(found.has_value()) << function.name;
    EXPECT_EQ(found->name, function.name);
    EXPECT_EQ(found->address, function.address);
  }
}

}  // namespace
}  // namespace limpet
