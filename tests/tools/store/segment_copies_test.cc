#include "tools/store/segment_copies.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temporary_directory.h"

namespace limpet {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uid_t kAnotherUser = 12345;
constexpr char kCopy[] = "20261121T092356Z.000043.segment";

class SegmentCopies : public ::testing::Test {
 protected:
  std::string Put(const std::string& folder, const std::string& file) const {
    std::filesystem::create_directories(directory_.File(folder));
    std::ofstream(directory_.File(folder) + "/" + file) << "x";
    return directory_.File(folder) + "/" + file;
  }

  std::vector<std::string> List() const { return ListSegmentCopies(directory_.path(), {42, 7}); }

  TemporaryDirectory directory_;
};

TEST_F(SegmentCopies, LieInTheFolderOfTheirProcess) {
  const std::string copy = Put("app.42-7", kCopy);
  Put("app.42-8", kCopy);
  Put("app.1.142-7", kCopy);
  EXPECT_THAT(List(), ElementsAre(copy));
  EXPECT_THAT(ListSegmentCopies(directory_.File("none"), {42, 7}), IsEmpty());
}

TEST_F(SegmentCopies, AreNotWhatAUserPutThere) {
  Put("app.42-7", "mine.segment");
  Put("app.42-7", "20261121T092356Z.000043.heap.pb.gz");
  std::filesystem::create_symlink("/etc/passwd", directory_.File("app.42-7") + "/" + kCopy);
  EXPECT_THAT(List(), IsEmpty());
}

TEST_F(SegmentCopies, AreNotLookedForThroughALink) {
  const TemporaryDirectory elsewhere;
  std::ofstream(elsewhere.File(kCopy)) << "x";
  std::filesystem::create_directory_symlink(elsewhere.path(), directory_.File("app.42-7"));
  EXPECT_THAT(List(), IsEmpty());
}

TEST_F(SegmentCopies, AreOurOwnUsers) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const std::string copy = Put("app.42-7", kCopy);
  ASSERT_EQ(chown(copy.c_str(), kAnotherUser, kAnotherUser), 0);
  EXPECT_THAT(List(), IsEmpty());
  RemoveSegmentCopy(copy);
  EXPECT_TRUE(std::filesystem::exists(copy));
  ASSERT_EQ(chown(copy.c_str(), 0, 0), 0);
  ASSERT_EQ(chown(directory_.File("app.42-7").c_str(), kAnotherUser, kAnotherUser), 0);
  EXPECT_THAT(List(), IsEmpty()) << "whoever has the folder may put there what they like";
  RemoveSegmentCopy(copy);
  EXPECT_TRUE(std::filesystem::exists(copy));
}

TEST_F(SegmentCopies, AreRemovedWhereTheyLie) {
  const std::string copy = Put("app.42-7", kCopy);
  const std::string mine = Put("app.42-7", "mine.segment");
  RemoveSegmentCopy(copy);
  RemoveSegmentCopy(mine);
  EXPECT_FALSE(std::filesystem::exists(copy));
  EXPECT_TRUE(std::filesystem::exists(mine));
}

TEST_F(SegmentCopies, AreNotRemovedThroughALink) {
  const std::string copy = Put("app.42-7", kCopy);
  std::filesystem::create_directory_symlink(directory_.File("app.42-7"), directory_.File("link"));
  RemoveSegmentCopy(directory_.File("link") + "/" + kCopy);
  EXPECT_TRUE(std::filesystem::exists(copy));
}

}  // namespace
}  // namespace limpet
