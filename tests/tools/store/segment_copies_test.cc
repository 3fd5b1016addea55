#include "tools/store/segment_copies.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temporary_directory.h"

namespace limpet {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

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

}  // namespace
}  // namespace limpet
