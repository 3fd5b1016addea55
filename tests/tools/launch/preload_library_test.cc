#include "tools/launch/preload_library.h"

#include <gtest/gtest.h>

#include "tests/tools/launch/temporary_folder.h"

namespace limpet {
namespace {

TEST(FindPreloadLibrary, LooksInTheBuildTree) {
  TemporaryFolder folder;
  const std::string library = folder.Write("build/preload/liblimpet.so", "");
  EXPECT_EQ(FindPreloadLibrary(folder.Path("build/tools/limpet"), "").value(), library);
}

TEST(FindPreloadLibrary, LooksWhereItIsInstalled) {
  TemporaryFolder plain;
  const std::string library = plain.Write("usr/lib/limpet/liblimpet.so", "");
  EXPECT_EQ(FindPreloadLibrary(plain.Path("usr/bin/limpet"), "").value(), library);

  TemporaryFolder triplet;
  const std::string other = triplet.Write("usr/lib/x86_64-linux-gnu/limpet/liblimpet.so", "");
  EXPECT_EQ(FindPreloadLibrary(triplet.Path("usr/bin/limpet"), "").value(), other);
}

TEST(FindPreloadLibrary, PrefersTheChosenOne) {
  TemporaryFolder folder;
  folder.Write("build/preload/liblimpet.so", "");
  const std::string chosen = folder.Write("mine.so", "");
  EXPECT_EQ(FindPreloadLibrary(folder.Path("build/tools/limpet"), chosen).value(), chosen);
}

TEST(FindPreloadLibrary, DoesNotFallBackFromAChosenOneThatIsMissing) {
  TemporaryFolder folder;
  folder.Write("build/preload/liblimpet.so", "");
  const auto found = FindPreloadLibrary(folder.Path("build/tools/limpet"), folder.Path("none.so"));
  EXPECT_TRUE(absl::IsNotFound(found.status()));
}

TEST(FindPreloadLibrary, RefusesAPathThatTheLoaderWouldSplit) {
  TemporaryFolder folder;
  for (const char* name : {"a b.so", "a:b.so"}) {
    const auto found = FindPreloadLibrary("", folder.Write(name, ""));
    EXPECT_TRUE(absl::IsFailedPrecondition(found.status())) << name;
  }
}

TEST(FindPreloadLibrary, SaysWhereItLooked) {
  const absl::Status status = FindPreloadLibrary("/nowhere/bin/limpet", "").status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_NE(std::string(status.message()).find("LIMPET_LIBRARY"), std::string::npos);
}

TEST(FindAllocatorLibrary, KnowsJemallocOnly) {
  EXPECT_TRUE(absl::IsInvalidArgument(FindAllocatorLibrary("hoard").status()));
  EXPECT_NE(FindAllocatorLibrary("jemalloc").value().find("libjemalloc.so.2"), std::string::npos);
}

}  // namespace
}  // namespace limpet
