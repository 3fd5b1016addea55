#include "tools/store/dump_store.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <csignal>

#include "tests/tools/store/store_fixture.h"
#include "tools/store/meta_file.h"

namespace limpet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class DumpStore : public StoreFixture {};

TEST_F(DumpStore, NumbersDumpsWhateverTheirFormat) {
  Store("");
  DumpRequest text = Request("demand");
  text.contents[0].extension = ".txt";
  const absl::StatusOr<StoredDump> stored = StoreDump(text);
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_THAT(stored->paths, ElementsAre(InFolder("20261121T092257Z.000002.heap.txt")));
}

TEST_F(DumpStore, LinksWhatIsNewest) {
  Store("demand");
  const StoredDump second = Store("demand");
  EXPECT_EQ(InFolder(LinkOf(InFolder("latest.heap.pb.gz"))), second.paths[0]);
  EXPECT_EQ(LinkOf(directory_.File("latest")), folder_);
  Enter("b.4194306-1");
  Store("demand");
  EXPECT_EQ(LinkOf(directory_.File("latest")), "b.4194306-1");
}

TEST_F(DumpStore, LeavesAloneWhatIsNoLink) {
  std::filesystem::create_directories(directory_.File("latest"));
  std::filesystem::create_directories(Folder());
  std::ofstream(InFolder("latest.heap.pb.gz")) << "mine";
  Store("demand");
  EXPECT_TRUE(std::filesystem::is_directory(directory_.File("latest")));
  EXPECT_FALSE(std::filesystem::is_symlink(directory_.File("latest")));
  EXPECT_EQ(std::filesystem::file_size(InFolder("latest.heap.pb.gz")), 4U);
}

TEST_F(DumpStore, RemovesALinkWhoseProfilesAreGone) {
  std::filesystem::create_directories(Folder());
  std::filesystem::create_symlink("20261121T000000Z.000001.mmap.pb.gz",
                                  InFolder("latest.mmap.pb.gz"));
  std::filesystem::create_symlink("elsewhere", InFolder("latest.own.pb.gz"));
  Store("demand");
  EXPECT_FALSE(std::filesystem::is_symlink(InFolder("latest.mmap.pb.gz")));
  EXPECT_TRUE(std::filesystem::is_symlink(InFolder("latest.own.pb.gz"))) << "nothing of ours";
}

TEST_F(DumpStore, KeepsSoManyOfAProcess) {
  limits_.max_dumps = 4;
  Store("interval");
  Store("demand");
  for (int index = 0; index < 5; ++index) Store("interval");
  EXPECT_THAT(Kept(), ElementsAre("1 interval", "2 demand", "6 interval", "7 interval"));
  EXPECT_EQ(Removed(), 3U);
}

TEST_F(DumpStore, SaysWhenItKeepsMoreThanItMay) {
  limits_.max_dumps = 2;
  Store("interval");
  Store("exit");
  const StoredDump third = Store("death");
  EXPECT_THAT(Kept(), SizeIs(3));
  EXPECT_THAT(third.notes, ElementsAre(HasSubstr("LIMPET_KEEP=2")));
  EXPECT_THAT(RecordIn(Folder())->note, HasSubstr("LIMPET_KEEP=2"));
}

TEST_F(DumpStore, ListsWhatLiesThereAndForgetsWhatIsGone) {
  const StoredDump first = Store("demand");
  Store("signal");
  std::filesystem::remove(first.paths[0]);
  std::ofstream(InFolder("20261121T092400Z.000009.heap.pb.gz")) << "copied here by hand";
  Store("demand");
  EXPECT_THAT(Kept(), ElementsAre("2 signal", "9 unknown", "10 demand"));
}

TEST_F(DumpStore, ReplacesADamagedMetaFile) {
  Store("demand");
  std::ofstream(InFolder(kMetaName), std::ios::trunc) << "{";
  Store("signal");
  EXPECT_THAT(Kept(), ElementsAre("1 unknown", "2 signal"));
}

TEST_F(DumpStore, MakesRoomOnAFullDiskFromWhatNobodyAskedFor) {
  for (const char* reason : {"interval", "demand", "growth", "cgroup", "interval", "signal"}) {
    Store(reason);
  }
  DumpRequest request = Request("demand");
  int tries = 0;
  request.contents[0].write = [&tries](OutputFile& file) -> absl::Status {
    if (++tries == 1) return absl::ResourceExhaustedError("full");
    return file.WriteAt(0, "x");
  };
  ASSERT_TRUE(StoreDump(request).ok());
  EXPECT_THAT(Kept(), ElementsAre("1 interval", "2 demand", "5 interval", "6 signal", "7 demand"));
  EXPECT_EQ(Removed(), 2U);
}

TEST_F(DumpStore, FailsOnADiskThatStaysFullAndLeavesNothingHalfWritten) {
  for (int index = 0; index < 4; ++index) Store("interval");
  DumpRequest request = Request("interval");
  request.contents[0].write = [](OutputFile& file) -> absl::Status {
    file.WriteAt(0, "half").IgnoreError();
    return absl::ResourceExhaustedError("full");
  };
  EXPECT_TRUE(absl::IsResourceExhausted(StoreDump(request).status()));
  EXPECT_THAT(Kept(), ElementsAre("1 interval", "3 interval", "4 interval"));
  EXPECT_EQ(Removed(), 1U);
  for (const auto& file : std::filesystem::directory_iterator(Folder())) {
    EXPECT_EQ(file.path().string().find(".tmp"), std::string::npos) << file.path();
  }
}

// Whoever may write into LIMPET_DIR exchanges the folder while a dump is written, and knows the
// temporary name.
TEST_F(DumpStore, WritesWhereItBeganAlthoughALinkComesInBetween) {
  const TemporaryDirectory elsewhere;
  const std::string temporary = ".limpet-" + std::to_string(getpid()) + ".tmp";
  const std::string moved = directory_.File("moved");
  DumpRequest request = Request("demand");
  request.contents[0].write = [&](OutputFile& file) {
    std::filesystem::rename(Folder(), moved);
    std::filesystem::create_directory_symlink(elsewhere.path(), Folder());
    std::ofstream(elsewhere.File(temporary)) << "planted";
    return file.WriteAt(0, "x");
  };
  EXPECT_TRUE(StoreDump(request).ok());
  std::vector<std::string> there;
  for (const auto& file : std::filesystem::directory_iterator(elsewhere.path())) {
    there.push_back(file.path().filename());
  }
  EXPECT_THAT(there, ElementsAre(temporary));
  EXPECT_TRUE(std::filesystem::exists(moved + "/meta.json"));
  EXPECT_TRUE(std::filesystem::is_symlink(moved + "/latest.heap.pb.gz"));
}

TEST_F(DumpStore, RemovesOldTemporariesOfTheDeadOnly) {
  std::filesystem::create_directories(Folder());
  const std::string dead = InFolder(".limpet-4194305.tmp");
  const std::string young = InFolder(".limpet-4194306.tmp");
  const std::string living = InFolder(".limpet-" + std::to_string(getppid()) + ".tmp");
  const auto old = std::filesystem::file_time_type::clock::now() - std::chrono::hours(2);
  for (const std::string& path : {dead, young, living}) std::ofstream(path) << "half";
  std::filesystem::last_write_time(dead, old);
  std::filesystem::last_write_time(living, old);
  Store("demand");
  EXPECT_FALSE(std::filesystem::exists(dead));
  EXPECT_TRUE(std::filesystem::exists(young));
  EXPECT_TRUE(std::filesystem::exists(living));
}

TEST_F(DumpStore, ProfilesOfACopyJoinTheDumpThatMadeIt) {
  DumpRequest raw = Request("cgroup");
  raw.contents[0].profile = "segment";
  raw.contents[0].extension = "";
  ASSERT_TRUE(StoreDump(raw).ok());
  const StoredDump later = Store("interval");
  DumpRequest copy = Request("");
  copy.is_of_copy = true;
  copy.process = {.build_id = "abcd", .pid = kGonePid};
  copy.dump = {.number = 1, .time = raw.dump.time, .reason = "demand", .in_use_bytes = 5};
  limits_.max_dumps = 2;
  ASSERT_TRUE(StoreDump(copy).ok());
  EXPECT_THAT(Kept(), ElementsAre("1 cgroup", "2 interval"));
  const ProcessRecord record = *RecordIn(Folder());
  EXPECT_THAT(record.dumps[0].files, SizeIs(2));
  EXPECT_EQ(record.dumps[0].in_use_bytes, 5);
  EXPECT_EQ(record.state, kStateRunning) << "what was known of the process stays";
  EXPECT_EQ(record.build_id, "abcd");
  EXPECT_EQ(InFolder(LinkOf(InFolder("latest.heap.pb.gz"))), later.paths[0]);
}

}  // namespace
}  // namespace limpet
