// Segments on a file system that is small or full. As root only: each test mounts its own.

#include "tests/runtime/table/small_file_system.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <filesystem>

#include "runtime/table/segment_writer.h"
#include "tests/runtime/table/test_segment.h"

namespace limpet {
namespace {

using test::FreeBytes;
using test::kMiB;
using test::Occupy;

constexpr int kPopulateWrite = 23;  // MADV_POPULATE_WRITE

// Makes madvise answer as Linux before 5.14 does. For the rest of this process.
bool ForgetPopulateWrite() {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args) + 2 * sizeof(__u64)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kPopulateWrite, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};
  char page[1];
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 &&
         madvise(page, 1, kPopulateWrite) == -1 && errno == EINVAL;
}

class SmallFileSystem : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::CanMount()) GTEST_SKIP() << "mounting a file system needs root";
  }

  // Runs `body` where home() is a file system of `bytes`.
  template <class Body>
  void OnFileSystemOf(std::uint64_t bytes, Body body) {
    test::ExpectInChild([&] {
      ASSERT_TRUE(test::MountSmallFileSystem(home(), bytes));
      body();
    });
  }

  const std::string& home() const { return directory_.path(); }
  std::string filler() const { return directory_.File("filler"); }
  bool Create(std::uint64_t bytes, SegmentFile* file) {
    return CreateSegmentFile(home().c_str(), 77, {.bytes = bytes}, file);
  }
  std::unique_ptr<SegmentWriter> CreateAndMap(std::uint64_t bytes) {
    SegmentFile file;
    auto segment = std::make_unique<SegmentWriter>();
    EXPECT_TRUE(Create(bytes, &file));
    EXPECT_TRUE(segment->Map(file));
    return segment;
  }

  // Claims and writes blocks until none is left; a page that was not reserved would be SIGBUS.
  static void ExpectWritableUntilFull(SegmentWriter& segment) {
    SectionEntry& section = segment.Section(SectionKind::kAllocations);
    std::uint64_t index = 0;
    std::uint64_t count = 0;
    for (; segment.Claim(section, 1, &index); ++count) {
      memset(segment.Entries<char>(section.kind) + index * section.entry_bytes, 1,
             section.entry_bytes);
    }
    EXPECT_GT(count, 0u);
    EXPECT_LT(count, section.capacity);
    EXPECT_GT(segment.counters().reservation_failures.load(), 0u);
  }

 private:
  TemporaryDirectory directory_;
};

TEST_F(SmallFileSystem, GivesASegmentAtMostAQuarter) {
  OnFileSystemOf(8 * kMiB, [&] {
    SegmentFile file;
    ASSERT_TRUE(Create(64 * kMiB, &file));
    EXPECT_LE(file.bytes, 2 * kMiB);
    EXPECT_GT(file.bytes, 2 * kMiB - 16 * kSegmentPageBytes);
  });
}

TEST_F(SmallFileSystem, GivesAllSegmentsTogetherAtMostAQuarter) {
  OnFileSystemOf(16 * kMiB, [&] {
    ASSERT_TRUE(Occupy(home() + "/1-1.segment", 2 * kMiB));
    SegmentFile file;
    ASSERT_TRUE(Create(64 * kMiB, &file));
    EXPECT_LE(file.bytes, 2 * kMiB);
    EXPECT_GT(file.bytes, 2 * kMiB - 16 * kSegmentPageBytes);
    CloseSegmentFile(&file);
    RemoveSegmentFile(file.path);
    ASSERT_TRUE(Occupy(home() + "/1-2.segment", 2 * kMiB));
    EXPECT_FALSE(Create(64 * kMiB, &file));
  });
}

TEST_F(SmallFileSystem, IsLeftAloneWhereAQuarterIsTooLittle) {
  OnFileSystemOf(3 * kMiB, [&] {
    SegmentFile file;
    EXPECT_FALSE(Create(64 * kMiB, &file));
    EXPECT_TRUE(std::filesystem::is_empty(home()));
  });
}

TEST_F(SmallFileSystem, HasRoomUpToAQuarter) {
  OnFileSystemOf(8 * kMiB, [&] {
    SegmentFile file;
    ASSERT_TRUE(Create(kMiB, &file));
    EXPECT_GE(RoomToGrow(home().c_str()), 2 * kMiB - 16 * kSegmentPageBytes);
    EXPECT_LE(RoomToGrow(home().c_str()), 2 * kMiB);
    ASSERT_TRUE(Occupy(filler(), 4 * kMiB));
    EXPECT_LE(RoomToGrow(home().c_str()), kMiB);
  });
}

// What has come since its parent looked is taken for segments.
TEST_F(SmallFileSystem, LetsAForkedChildTakeOnlyWhatTheirShareLeaves) {
  OnFileSystemOf(16 * kMiB, [&] {
    SegmentFile file;
    ASSERT_TRUE(Create(kMiB, &file));
    const SegmentFileLimits childs = {.bytes = kMiB, .trusts_parent = true};
    ASSERT_TRUE(CreateSegmentFile(home().c_str(), 78, childs, &file));
    EXPECT_EQ(file.bytes, kMiB);
    ASSERT_TRUE(Occupy(home() + "/1-1.segment", 3 * kMiB + kMiB / 2));
    EXPECT_FALSE(CreateSegmentFile(home().c_str(), 79, childs, &file));
  });
}

// Other files came since the segment was made: writing to a page that the kernel cannot back would
// end the program by SIGBUS.
TEST_F(SmallFileSystem, RefusesPagesWhenFullAndCountsIt) {
  OnFileSystemOf(8 * kMiB, [&] {
    auto segment = CreateAndMap(kMiB);
    ASSERT_TRUE(Occupy(filler(), FreeBytes(home())));
    SectionEntry& section = segment->Section(SectionKind::kAllocations);
    std::uint64_t index = 0;
    EXPECT_FALSE(segment->Claim(section, 1, &index));
    EXPECT_EQ(section.used.load(), 0u);
    EXPECT_EQ(segment->counters().reservation_failures.load(), 1u);
    EXPECT_EQ(segment->counters().reserved_bytes.load(), kSegmentPageBytes);
  });
}

TEST_F(SmallFileSystem, LetsEveryClaimedEntryBeWrittenUntilItIsFull) {
  OnFileSystemOf(8 * kMiB, [&] {
    auto segment = CreateAndMap(2 * kMiB);
    ASSERT_TRUE(Occupy(filler(), FreeBytes(home()) - kMiB / 2));
    ExpectWritableUntilFull(*segment);
  });
}

TEST_F(SmallFileSystem, LetsEveryClaimedEntryBeWrittenOnAnOldKernelToo) {
  OnFileSystemOf(8 * kMiB, [&] {
    ASSERT_TRUE(ForgetPopulateWrite());
    auto segment = CreateAndMap(2 * kMiB);
    ASSERT_TRUE(Occupy(filler(), FreeBytes(home()) - kMiB / 2));
    ExpectWritableUntilFull(*segment);
  });
}

TEST_F(SmallFileSystem, IsNotGrownBeyondAQuarter) {
  OnFileSystemOf(16 * kMiB, [&] {
    SegmentFile file;
    ASSERT_TRUE(Create(4 * kMiB, &file));
    file.bytes = 12 * kMiB;  // as if there had been more room when it was made
    ASSERT_EQ(ftruncate(file.descriptor, 12 * kMiB), 0);
    SegmentWriter segment;
    ASSERT_TRUE(segment.Map(file));
    EXPECT_FALSE(segment.Reserve(0, file.bytes));
    EXPECT_LE(segment.counters().reserved_bytes.load(), 4 * kMiB);
    EXPECT_GT(segment.counters().reserved_bytes.load(), 2 * kMiB);
  });
}

TEST_F(SmallFileSystem, IsNotGrownBeyondAQuarterTogetherWithSegmentsThatCameLater) {
  OnFileSystemOf(16 * kMiB, [&] {
    auto segment = CreateAndMap(4 * kMiB);
    ASSERT_TRUE(Occupy(home() + "/1-1.segment", 2 * kMiB));
    EXPECT_FALSE(segment->Reserve(0, segment->header()->segment_bytes));
    EXPECT_LE(segment->counters().reserved_bytes.load(), 2 * kMiB);
    EXPECT_GT(segment->counters().reserved_bytes.load(), kMiB);
  });
}

// Whatever step the count makes, it must not step over the moment to ask.
TEST_F(SmallFileSystem, IsAskedForRoomAlsoWhenTwoThreadsReserveAtOnce) {
  OnFileSystemOf(16 * kMiB, [&] {
    auto segment = CreateAndMap(4 * kMiB);
    ASSERT_TRUE(Occupy(home() + "/1-1.segment", 4 * kMiB));
    segment->counters().reserved_bytes.store(kMiB + 16384);  // as if the other thread was faster
    EXPECT_FALSE(segment->Reserve(2 * kMiB, 16384));
  });
}

TEST_F(SmallFileSystem, IsAskedAgainAfterAWhileOnceItWasFull) {
  OnFileSystemOf(8 * kMiB, [&] {
    auto segment = CreateAndMap(kMiB);
    ASSERT_TRUE(Occupy(filler(), FreeBytes(home())));
    EXPECT_FALSE(segment->Reserve(0, kMiB));
    unlink(filler().c_str());
    int refusals = 0;
    while (!segment->Reserve(0, kMiB) && refusals < 5000) ++refusals;
    EXPECT_GT(refusals, 100);
    EXPECT_LT(refusals, 5000);
  });
}

TEST_F(SmallFileSystem, CannotTakeTheFirstPageOfASegmentWhenFull) {
  OnFileSystemOf(8 * kMiB, [&] {
    SegmentFile file;
    ASSERT_TRUE(Create(kMiB, &file));
    ASSERT_TRUE(Occupy(filler(), FreeBytes(home())));
    SegmentWriter segment;
    EXPECT_FALSE(segment.Map(file));
  });
}

TEST_F(SmallFileSystem, GetsItsMemoryBackButForTheHeader) {
  OnFileSystemOf(8 * kMiB, [&] {
    const std::uint64_t before = FreeBytes(home());
    auto segment = CreateAndMap(kMiB);
    ASSERT_TRUE(segment->Reserve(0, kMiB));
    segment->header()->state.store(SegmentState::kExited);
    EXPECT_LE(FreeBytes(home()), before - kMiB);
    segment->GiveBackMemory();
    EXPECT_GE(FreeBytes(home()), before - 2 * kSegmentPageBytes);
    EXPECT_EQ(segment->header()->state.load(), SegmentState::kExited);
    EXPECT_EQ(segment->header()->magic, kSegmentMagic);
  });
}

}  // namespace
}  // namespace limpet
