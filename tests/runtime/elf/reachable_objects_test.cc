// This program was linked to libstdc++, directly. The names asked for are those that no sanitizer
// puts into the program.

#include "runtime/elf/reachable_objects.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include "runtime/elf/any_object.h"

namespace limpet {
namespace {

constexpr char kOfCppLibrary[] = "_ZSt9terminatev";
constexpr char kOfLibc[] = "lfind";

std::uint64_t AddressOf(void* pointer) { return reinterpret_cast<std::uint64_t>(pointer); }
std::uint64_t ByDlsym(const char* name) { return AddressOf(dlsym(RTLD_DEFAULT, name)); }
std::uint64_t Here() { return AddressOf(reinterpret_cast<void*>(&ByDlsym)); }

class ReachableObjectsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { BindObjectFinder(); }
};

TEST_F(ReachableObjectsTest, HoldTheLibrariesOfTheFirst) {
  ReachableObjects objects(Here(), 0);
  for (const char* name : {kOfCppLibrary, kOfLibc, "_Unwind_Resume"}) {
    EXPECT_EQ(objects.Find(name), ByDlsym(name)) << name;
    EXPECT_NE(objects.Find(name), 0u) << name;
  }
}

TEST_F(ReachableObjectsTest, HoldNotWhatUsesTheFirst) {
  // A sanitized program serves libc with malloc, and would be reached by that.
  ReachableObjects objects(ByDlsym(kOfLibc), Here());
  EXPECT_NE(objects.Find(kOfLibc), 0u);
  EXPECT_EQ(objects.Find(kOfCppLibrary), 0u) << "libc does without the C++ library";
}

TEST_F(ReachableObjectsTest, LeaveOneOut) {
  ReachableObjects objects(Here(), ByDlsym(kOfCppLibrary));
  EXPECT_EQ(objects.Find(kOfCppLibrary), 0u);
  EXPECT_NE(objects.Find(kOfLibc), 0u);
}

TEST_F(ReachableObjectsTest, AreNoneWhereNoObjectIs) {
  ReachableObjects objects(1, 0);
  EXPECT_EQ(objects.Find(kOfCppLibrary), 0u);
}

TEST(AnyObject, HasTheName) {
  EXPECT_EQ(FindInAnyObject(kOfCppLibrary, 0), ByDlsym(kOfCppLibrary));
  EXPECT_EQ(FindInAnyObject(kOfCppLibrary, ByDlsym(kOfCppLibrary)), 0u);
  EXPECT_EQ(FindInAnyObject("no_such_name", 0), 0u);
}

}  // namespace
}  // namespace limpet
