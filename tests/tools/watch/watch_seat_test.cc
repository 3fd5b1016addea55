#include "tools/watch/watch_seat.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "runtime/setting/watch_key.h"
#include "tests/support/temporary_directory.h"

namespace limpet {
namespace {

class WatchSeatTest : public ::testing::Test {
 protected:
  WatchLock ReadLock() const {
    WatchLock lock = {};
    std::ifstream(path_, std::ios::binary).read(reinterpret_cast<char*>(&lock), sizeof(lock));
    return lock;
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_.File("watch-00000000000000ff.lock");
};

TEST_F(WatchSeatTest, IsTakenByOneOnly) {
  const absl::StatusOr<WatchSeat> first = WatchSeat::Take(directory_.path(), 0xff);
  ASSERT_TRUE(first.ok()) << first.status();
  first->Beat(1);
  EXPECT_TRUE(absl::IsAlreadyExists(WatchSeat::Take(directory_.path(), 0xff).status()));
  EXPECT_TRUE(WatchSeat::Take(directory_.path(), 0xfe).ok()) << "another service has its own";
}

TEST_F(WatchSeatTest, IsFreeAgainAndLeavesNothing) {
  { ASSERT_TRUE(WatchSeat::Take(directory_.path(), 0xff).ok()); }
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_TRUE(WatchSeat::Take(directory_.path(), 0xff).ok());
}

TEST_F(WatchSeatTest, IsPassedOnByWhoIsAboutToLeave) {
  auto first =
      std::make_unique<absl::StatusOr<WatchSeat>>(WatchSeat::Take(directory_.path(), 0xff));
  ASSERT_TRUE(first->ok());
  (*first)->Beat(0);
  std::thread leaving([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    first.reset();
  });
  EXPECT_TRUE(WatchSeat::Take(directory_.path(), 0xff).ok());
  leaving.join();
}

TEST_F(WatchSeatTest, ShowsItsBeatToWhoDoesNotWait) {
  const absl::StatusOr<WatchSeat> seat = WatchSeat::Take(directory_.path(), 0xff);
  ASSERT_TRUE(seat.ok());
  seat->Beat(4711);
  EXPECT_EQ(ReadLock().beat_ns, 4711u);
  EXPECT_EQ(ReadLock().pid, static_cast<std::uint32_t>(getpid()));
}

TEST_F(WatchSeatTest, TakesOverWhatADeadOneLeft) {
  std::ofstream(path_) << "of a companion that was killed";
  EXPECT_TRUE(WatchSeat::Take(directory_.path(), 0xff).ok());
}

TEST_F(WatchSeatTest, DoesNotRemoveTheSeatOfAnother) {
  auto seat = std::make_unique<absl::StatusOr<WatchSeat>>(WatchSeat::Take(directory_.path(), 0xff));
  ASSERT_TRUE(seat->ok());
  std::filesystem::remove(path_);
  std::ofstream(path_) << "another's";
  seat.reset();
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(WatchSeatTest, RefusesALink) {
  std::filesystem::create_symlink("/etc/passwd", path_);
  EXPECT_FALSE(WatchSeat::Take(directory_.path(), 0xff).ok());
}

}  // namespace
}  // namespace limpet
