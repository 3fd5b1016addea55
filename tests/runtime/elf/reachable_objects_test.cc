// This program has no operator new of its own and was linked to libstdc++, directly.

#include "runtime/elf/reachable_objects.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include "runtime/elf/any_object.h"

namespace limpet {
namespace {

std::uint64_t AddressOf(void* pointer) { return reinterpret_cast<std::uint64_t>(pointer); }
std::uint64_t ByDlsym(const char* name) { return AddressOf(dlsym(RTLD_DEFAULT, name)); }
std::uint64_t Here() { return AddressOf(reinterpret_cast<void*>(&ByDlsym)); }

class ReachableObjectsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { BindObjectFinder(); }
};

TEST_F(ReachableObjectsTest, HoldTheLibrariesOfTheFirst) {
  ReachableObjects objects(Here(), 0);
  for (const char* name : {"_Znwm", "__cxa_throw", "qsort", "_Unwind_Resume", "_ZdaPvm"}) {
    EXPECT_EQ(objects.Find(name), ByDlsym(name)) << name;
    EXPECT_NE(objects.Find(name), 0u) << name;
  }
}

TEST_F(ReachableObjectsTest, HoldNotWhatUsesTheFirst) {
  ReachableObjects objects(ByDlsym("qsort"), 0);
  EXPECT_NE(objects.Find("qsort"), 0u);
  EXPECT_EQ(objects.Find("__cxa_throw"), 0u) << "libc does without the C++ library";
}

TEST_F(ReachableObjectsTest, LeaveOneOut) {
  ReachableObjects objects(Here(), ByDlsym("_Znwm"));
  EXPECT_EQ(objects.Find("_Znwm"), 0u);
  EXPECT_NE(objects.Find("qsort"), 0u);
}

TEST_F(ReachableObjectsTest, AreNoneWhereNoObjectIs) {
  ReachableObjects objects(1, 0);
  EXPECT_EQ(objects.Find("_Znwm"), 0u);
}

TEST(AnyObject, HasTheName) {
  EXPECT_EQ(FindInAnyObject("__cxa_throw", 0), ByDlsym("__cxa_throw"));
  EXPECT_EQ(FindInAnyObject("__cxa_throw", ByDlsym("__cxa_throw")), 0u);
  EXPECT_EQ(FindInAnyObject("no_such_name", 0), 0u);
}

}  // namespace
}  // namespace limpet
