#include "tools/reader/living_processes.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temporary_directory.h"
#include "tools/reader/process_facts.h"

namespace limpet {
namespace {

constexpr std::uint64_t kFirst = 4026531836;  // of the machine
constexpr std::uint64_t kOurs = 1000;
constexpr std::uint64_t kContainers = 2000;
constexpr std::uint64_t kAnother = 3000;

// A made-up /proc, of process 42 that is 7 in its container.
class Living : public ::testing::Test {
 protected:
  Living() {
    SetOwnNamespace(kOurs);
    Add(42, {.own_pid = "7", .start_ticks = "555", .pid_namespace = kContainers});
  }

  struct Process {
    std::string own_pid;
    std::string start_ticks;
    std::uint64_t pid_namespace = 0;  // 0: of another user, who hides it
    char state = 'S';
  };

  void Add(std::uint32_t pid, const Process& process) {
    const std::string folder = proc_.File(std::to_string(pid));
    std::filesystem::create_directories(folder + "/ns");
    std::ofstream(folder + "/stat")
        << pid << " (a b) " << process.state << " 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 "
        << process.start_ticks << " 0 0";
    std::ofstream(folder + "/status") << "NSpid:\t" << pid << "\t" << process.own_pid << "\n";
    if (process.pid_namespace != 0) LinkNamespace(folder, process.pid_namespace);
  }

  void SetOwnNamespace(std::uint64_t pid_namespace) {
    std::filesystem::remove_all(proc_.File("self"));
    std::filesystem::create_directories(proc_.File("self/ns"));
    LinkNamespace(proc_.File("self"), pid_namespace);
  }

  static void LinkNamespace(const std::string& folder, std::uint64_t pid_namespace) {
    std::filesystem::create_symlink("pid:[" + std::to_string(pid_namespace) + "]",
                                    folder + "/ns/pid");
  }

  LivingProcesses Read() const { return LivingProcesses::Read(proc_.path()); }

  TemporaryDirectory proc_;
};

TEST_F(Living, FindsAProcessOfAContainer) {
  EXPECT_EQ(Read().Find({7, 555, kContainers}), 42U);
  EXPECT_EQ(Read().LifeOf({7, 555, kContainers}), Life::kAlive);
  EXPECT_EQ(Read().Find({7, 555, 0}), 42U) << "a segment that does not say which namespace";
}

TEST_F(Living, FindsAProcessWhoseNamespaceIsHidden) {
  Add(43, {.own_pid = "8", .start_ticks = "556"});
  EXPECT_EQ(Read().Find({8, 556, kAnother}), 43U);
}

TEST_F(Living, TakesNoOtherProcessForIt) {
  EXPECT_FALSE(Read().Find({7, 555, kAnother}).has_value()) << "another namespace";
  EXPECT_FALSE(Read().Find({7, 556, kContainers}).has_value()) << "another start";
  EXPECT_FALSE(Read().Find({42, 555, kContainers}).has_value()) << "our PID, not its own";
  Add(44, {.own_pid = "9", .start_ticks = "557", .pid_namespace = kOurs, .state = 'Z'});
  EXPECT_FALSE(Read().Find({9, 557, kOurs}).has_value()) << "dead, but not reaped";
}

TEST_F(Living, KnowsTheDeadWhereItWouldSeeTheLiving) {
  EXPECT_EQ(Read().LifeOf({9, 1, kOurs}), Life::kDead);
  EXPECT_EQ(Read().LifeOf({9, 1, kContainers}), Life::kDead) << "others of it are seen";
  EXPECT_EQ(Read().LifeOf({9, 1, kAnother}), Life::kOtherContainer);
  SetOwnNamespace(kFirst);
  EXPECT_EQ(Read().LifeOf({9, 1, kAnother}), Life::kDead);
}

TEST_F(Living, KnowsTheDeadOfAnotherContainerByTheirFile) {
  EXPECT_EQ(Read().LifeOf({9, 1, kAnother, false}), Life::kDead);
  EXPECT_EQ(Read().LifeOf({9, 1, kAnother, true}), Life::kOtherContainer);
}

TEST_F(Living, HereAreThoseOfOurOwnNamespace) {
  Add(50, {.own_pid = "50", .start_ticks = "9", .pid_namespace = kOurs});
  EXPECT_TRUE(LivesHere({50, 9}, proc_.path()));
  EXPECT_FALSE(LivesHere({50, 8}, proc_.path()));
  EXPECT_FALSE(LivesHere({51, 9}, proc_.path()));
  EXPECT_FALSE(LivesHere({42, 555}, proc_.path())) << "it calls itself 7";
  Add(52, {.own_pid = "52", .start_ticks = "9", .pid_namespace = kOurs, .state = 'Z'});
  EXPECT_FALSE(LivesHere({52, 9}, proc_.path()));
}

TEST_F(Living, HasPidsAsWeSeeThem) {
  EXPECT_TRUE(Read().Has(42));
  EXPECT_FALSE(Read().Has(7));
}

TEST(LivingProcesses, HaveThisVeryProcess) {
  const LivingProcesses living = LivingProcesses::Read();
  const auto pid = static_cast<std::uint32_t>(getpid());
  const std::uint64_t start_ticks = ReadProcess(pid)->start_ticks;
  EXPECT_NE(living.own_namespace(), 0U);
  EXPECT_EQ(living.Find({pid, start_ticks, living.own_namespace()}), pid);
}

}  // namespace
}  // namespace limpet
