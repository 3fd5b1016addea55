#include "tools/symbol/demangle.h"

#include <gtest/gtest.h>

namespace limpet {
namespace {

TEST(Demangle, ReadsCPlusPlus) {
  EXPECT_EQ(Demangle("_ZN4shop5Shelf5CountEi"), "shop::Shelf::Count(int)");
  EXPECT_EQ(Demangle("_ZNKSt6vectorIiSaIiEE4sizeEv"),
            "std::vector<int, std::allocator<int> >::size() const");
  EXPECT_EQ(Demangle("_ZN12_GLOBAL__N_14callIZ4mainEUliE0_EEiT_"),
            "int (anonymous namespace)::call<main::{lambda(int)#2}>(main::{lambda(int)#2})");
}

TEST(Demangle, ReadsConstructorsWhichDebugInformationCallsUnified) {
  EXPECT_EQ(Demangle("_ZN4shop5ShelfC4Ei"), "shop::Shelf::Shelf(int)");
}

TEST(Demangle, ReadsLegacyRustWithoutItsHash) {
  EXPECT_EQ(Demangle("_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE"),
            "core::fmt::Write::write_fmt");
}

TEST(Demangle, ReadsRustVersionZero) {
  EXPECT_EQ(Demangle("_RNvC6_123foo3bar"), "123foo::bar");
  EXPECT_EQ(Demangle("_RNvMs_NtCs1234_7mycrate3fooNtB4_3Bar3baz"), "<mycrate::foo::Bar>::baz");
}

TEST(Demangle, LeavesPlainAndBrokenNames) {
  for (const char* name : {"", "main", "_start", "malloc", "_Z", "_ZN", "_ZNoGood", "_R", "_RNv"}) {
    EXPECT_EQ(Demangle(name), name);
  }
}

TEST(Demangle, LeavesAbsurdlyLongNames) {
  const std::string name = "_Z100000" + std::string(100'000, 'x') + "v";
  EXPECT_EQ(Demangle(name), name);
}

TEST(Demangle, SurvivesDeepNesting) {
  const std::string name = "_Z1f" + std::string(8'000, 'P') + "i";
  EXPECT_FALSE(Demangle(name).empty());
}

// Each pair holds the one before twice: 2^60 characters when written out.
TEST(Demangle, DoesNotWriteOutExponentialNames) {
  std::string name = "_Z1fSt4pairIiiE";
  for (int depth = 0; depth < 30; ++depth) {
    const std::string last =
        depth == 0 ? "S0_"
                   : "S" + std::string(1, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[depth]) + "_";
    name += "S_I" + last + last + "E";
  }
  EXPECT_EQ(Demangle(name), name);
}

}  // namespace
}  // namespace limpet
