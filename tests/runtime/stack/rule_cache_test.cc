// The cache's memory of rules: kept within a generation of the code, never beyond it.

#include "runtime/stack/rule_cache.h"

#include <gtest/gtest.h>

namespace limpet {
namespace {

int g_registered = 0;

std::uint16_t CountObject(const LoadedObject&) {
  ++g_registered;
  return 1;
}

class RuleCacheTest : public testing::Test {
 protected:
  RuleCacheTest() {
    BindObjectFinder();
    cache_.SetRegistrar(CountObject);
    g_registered = 0;
  }

  // True when the cache had to look into the object.
  static bool IsDecoded() {
    int before = g_registered;
    cache_.Find(reinterpret_cast<std::uint64_t>(&CountObject) + 1);
    return g_registered != before;
  }

  static inline RuleCache cache_;
};

TEST_F(RuleCacheTest, KeepsARuleUntilCodeIsUnloaded) {
  IsDecoded();
  EXPECT_FALSE(IsDecoded());
  cache_.Invalidate();
  EXPECT_TRUE(IsDecoded());
}

// A key holds 16 bits of the generation: the same 16 bits come round again.
TEST_F(RuleCacheTest, ForgetsForGoodHoweverOftenCodeIsUnloaded) {
  IsDecoded();
  for (int i = 0; i < 1 << 16; ++i) cache_.Invalidate();
  EXPECT_TRUE(IsDecoded());
}

}  // namespace
}  // namespace limpet
