// A process that gave up its user or its root answers the dump signal all the same, with the rights
// that it has left; where it cannot, `limpet ps` says why.

#include <signal.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "runtime/layout/segment.h"
#include "tests/preload/dump_files.h"
#include "tests/preload/snapshot_facts.h"
#include "tests/support/command_output.h"
#include "tests/support/temporary_directory.h"

namespace limpet {
namespace {

namespace fs = std::filesystem;

constexpr char kPrivileges[] = LIMPET_PROGRAMS "/privileges";
constexpr SiteTotals kLate = {100, 100 << 20, 50, 50 << 20};
constexpr unsigned kNobody = 65534;

// A companion and a place for profiles that any user reaches.
class Companion {
 public:
  Companion() {
    fs::permissions(directory_.path(), fs::perms::all);
    fs::create_directory(dumps());
    fs::permissions(dumps(), fs::perms::all);
    std::error_code error;
    fs::create_hard_link(LIMPET_COMPANION, companion(), error);
    if (error) fs::copy_file(LIMPET_COMPANION, companion());
  }

  std::string dumps() const { return directory_.File("dumps"); }
  std::vector<std::string> Settings(const std::string& more) const {
    return {more, "LIMPET_DIR=" + dumps(), "LIMPET_COMPANION=" + companion()};
  }

 private:
  std::string companion() const { return directory_.File("limpet"); }

  TemporaryDirectory directory_;
};

class GivenUp : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "giving up rights needs root's";
  }

  static std::string Ps(const TracedProgram& program) {
    return RunProgram({LIMPET_COMPANION, "ps"},
                      {"LIMPET_RUNTIME_DIR=" + program.runtime_directory()})
        .out;
  }

  // What `limpet ps` says once the signal's companion could not be started; else what it says last.
  static std::string PsOfWaiting(const TracedProgram& program) {
    std::string text = Ps(program);
    for (int i = 0; i < 100 && text.find(" waits: ") == std::string::npos; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      text = Ps(program);
    }
    return text;
  }

  Companion companion_;
};

unsigned OwnerOf(const std::string& path) {
  struct stat status = {};
  EXPECT_EQ(stat(path.c_str(), &status), 0);
  return status.st_uid;
}

// Of the folder with `dumps` in it; it is written after the profiles.
nlohmann::json MetaOf(const std::string& profile, std::size_t dumps) {
  nlohmann::json meta;
  for (int i = 0; i < 500 && (!meta.is_object() || meta["dumps"].size() < dumps); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    std::ifstream file(fs::path(profile).parent_path() / "meta.json");
    meta = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  }
  return meta.is_object() ? meta : nlohmann::json::object();
}

struct Way {
  const char* name;
  unsigned user;  // whose rights are left for files, after an exec
};

std::ostream& operator<<(std::ostream& out, const Way& way) { return out << way.name; }

class UserGivenUp : public GivenUp, public testing::WithParamInterface<Way> {};

TEST_P(UserGivenUp, IsDumpedByItsSignalAsTheUserOfNow) {
  TracedProgram program({kPrivileges, "self", GetParam().name, "early"},
                        companion_.Settings(kExact));
  ASSERT_EQ(program.ReadLine().substr(0, 6), "worked");
  for (const std::size_t dumps : {1u, 2u}) {
    kill(program.pid(), SIGUSR1);
    const std::vector<std::string> files = WaitForDumps(companion_.dumps(), 2 * dumps);
    ASSERT_EQ(files.size(), 2 * dumps) << Ps(program);
    EXPECT_EQ(TotalsOfDump(files.back(), "LateAllocates"), kLate);
    EXPECT_EQ(OwnerOf(files.back()), GetParam().user);
    EXPECT_EQ(MetaOf(files.back(), dumps)["state"], "running");
  }
  EXPECT_EQ(CounterOf(program.Read(), "companions_started"), 2u);
  EXPECT_EQ(Ps(program).find("dump request"), std::string::npos) << Ps(program);
  ExpectNothingLost(program.Read());
  program.Continue();
  EXPECT_EQ(program.Finish(), 5);
}

TEST_P(UserGivenUp, IsDumpedAtItsEnd) {
  std::vector<std::string> settings = companion_.Settings(kExact);
  settings.push_back("LIMPET_DUMP_AT_EXIT=1");
  TracedProgram program({kPrivileges, "self", GetParam().name, "late"}, settings);
  ASSERT_EQ(program.ReadLine().substr(0, 6), "worked");
  program.Continue();
  EXPECT_EQ(program.Finish(), 5);
  const std::vector<std::string> files = ListDumps(companion_.dumps());
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(TotalsOfDump(files.back(), "LateAllocates"), kLate);
}

INSTANTIATE_TEST_SUITE_P(Ways, UserGivenUp,
                         testing::Values(Way{"setuid", kNobody}, Way{"setresuid", kNobody},
                                         Way{"setreuid", kNobody}, Way{"seteuid", kNobody},
                                         Way{"setfsuid", 0}, Way{"same_root_setuid", kNobody}));

// Threads that allocate meanwhile: a slot that changes is left out, and none is half of two.
TEST_F(GivenUp, UserIsDumpedWhileItsThreadsGoOn) {
  TracedProgram program({kPrivileges, "busy", "setuid", "early"}, companion_.Settings(kExact));
  ASSERT_EQ(program.ReadLine().substr(0, 6), "worked");
  kill(program.pid(), SIGUSR1);
  const std::vector<std::string> files = WaitForDumps(companion_.dumps(), 2);
  ASSERT_EQ(files.size(), 2u) << Ps(program);
  const SiteTotals busy = TotalsOfDump(files.back(), "BusyAllocates");
  EXPECT_GT(busy.allocated_objects, 0);
  EXPECT_EQ(busy.bytes_in_use, 48 * busy.objects_in_use);
  EXPECT_EQ(TotalsOfDump(files.back(), "LateAllocates"), kLate);
  program.Continue();
  EXPECT_EQ(program.Finish(), 5);
}

TEST_F(GivenUp, UserThatMayNotWriteIsNamedAsTheReason) {
  fs::permissions(companion_.dumps(), fs::perms::owner_all);
  for (const char* place : {"", "/not/there/yet"}) {
    std::vector<std::string> settings = companion_.Settings(kExact);
    settings[1] += place;
    TracedProgram program({kPrivileges, "self", "setuid", "early"}, settings);
    ASSERT_EQ(program.ReadLine().substr(0, 6), "worked");
    kill(program.pid(), SIGUSR1);
    const std::string text = PsOfWaiting(program);
    EXPECT_NE(text.find("1 dump request waits: the user that the process has now may not write to "
                        "LIMPET_DIR; limpet dump " +
                        std::to_string(program.pid())),
              std::string::npos)
        << text;
    program.Continue();
    EXPECT_EQ(program.Finish(), 5);
  }
}

// What an earlier dump made as root.
TEST_F(GivenUp, UserThatMayNotWriteBesideItsEarlierDumpsIsNamedAsTheReason) {
  TracedProgram program({kPrivileges, "staged", "setuid", "early"}, companion_.Settings(kExact));
  ASSERT_EQ(program.ReadLine(), "ready");
  kill(program.pid(), SIGUSR1);
  ASSERT_EQ(WaitForDumps(companion_.dumps(), 2).size(), 2u);
  program.Continue();
  ASSERT_EQ(program.ReadLine().substr(0, 6), "worked");
  kill(program.pid(), SIGUSR1);
  const std::string text = PsOfWaiting(program);
  EXPECT_NE(text.find("may not write to LIMPET_DIR"), std::string::npos) << text;
  EXPECT_EQ(ListDumps(companion_.dumps()).size(), 2u);
  program.Continue();
  EXPECT_EQ(program.Finish(), 5);
}

class RootGivenUp : public GivenUp, public testing::WithParamInterface<const char*> {};

// What lies in the new root may be anybody's: root's rights are not for it.
TEST_P(RootGivenUp, StartsNothingWithRootsRights) {
  TracedProgram program({kPrivileges, "self", GetParam(), "early"}, companion_.Settings(kExact));
  ASSERT_EQ(program.ReadLine().substr(0, 6), "worked");
  kill(program.pid(), SIGUSR1);
  const std::string text = PsOfWaiting(program);
  EXPECT_NE(text.find("1 dump request waits: root starts no companion inside another root "
                      "directory; limpet dump " +
                      std::to_string(program.pid())),
            std::string::npos)
      << text;
  EXPECT_EQ(CounterOf(program.Read(), "companions_started"), 0u);
  EXPECT_TRUE(ListDumps(companion_.dumps()).empty());
  program.Continue();
  EXPECT_EQ(program.Finish(), 5);
}

INSTANTIATE_TEST_SUITE_P(Ways, RootGivenUp, testing::Values("chroot", "same_root"));

TEST_F(GivenUp, RootWithoutACompanionLeavesItsReason) {
  TracedProgram program({kPrivileges, "self", "chroot_setuid", "early"},
                        companion_.Settings(kExact));
  ASSERT_EQ(program.ReadLine().substr(0, 6), "worked");
  kill(program.pid(), SIGUSR1);
  const std::string text = PsOfWaiting(program);
  const std::string advice = "; limpet dump " + std::to_string(program.pid());
  EXPECT_NE(text.find("1 dump request waits: "), std::string::npos) << text;
  EXPECT_NE(text.find(advice), std::string::npos) << text;
  program.Continue();
  EXPECT_EQ(program.Finish(), 5);
}

// Without /proc and /dev, and with nothing but the program, the companion and its libraries.
class NewRoot {
 public:
  NewRoot() {
    fs::permissions(root(), fs::perms::all);
    const std::string copy = "(echo " LIMPET_COMPANION "; echo " LIMPET_PROGRAMS
                             "/privileges; ldd " LIMPET_COMPANION
                             " | grep -o '/[^ ]*') | sort -u | xargs cp -L --parents -t " +
                             root();
    EXPECT_EQ(RunProgram({"sh", "-c", copy}).exit_code, 0);
    fs::create_directory(dumps());
    fs::permissions(dumps(), fs::perms::all);
  }
  std::string root() const { return directory_.path(); }
  std::string dumps() const { return directory_.File("dumps"); }

 private:
  TemporaryDirectory directory_;
};

TEST_F(GivenUp, RootWithACompanionInItIsDumpedThere) {
  NewRoot place;
  TracedProgram program({kPrivileges, "self", place.root(), "early"},
                        {kExact, "LIMPET_DIR=/dumps", "LIMPET_COMPANION=" LIMPET_COMPANION});
  ASSERT_EQ(program.ReadLine().substr(0, 6), "worked");
  kill(program.pid(), SIGUSR1);
  const std::vector<std::string> files = WaitForDumps(place.dumps(), 2);
  ASSERT_EQ(files.size(), 2u) << Ps(program);
  EXPECT_EQ(TotalsOfDump(files.back(), "LateAllocates"), kLate);
  EXPECT_EQ(OwnerOf(files.back()), kNobody);
  EXPECT_EQ(MetaOf(files.back(), 1)["state"], "running");
  program.Continue();
  EXPECT_EQ(program.Finish(), 5);
}

// Who has given up root's rights still has the segment in his hands, which says where root's
// limpet is to write. Of one that lives root sees it; of the dead it is told by the file's mode.
TEST_F(GivenUp, UserIsNotBelievedWhereRootIsToWrite) {
  TracedProgram program({kPrivileges, "self", "setuid", "early"}, companion_.Settings(kExact));
  ASSERT_EQ(program.ReadLine().substr(0, 6), "worked");
  const std::string pid = std::to_string(program.pid());
  kill(program.pid(), SIGKILL);
  EXPECT_EQ(program.Finish(), 128 + SIGKILL);
  TemporaryDirectory here;
  const CommandOutput dump =
      RunProgram({"sh", "-c", "cd " + here.path() + " && exec " LIMPET_COMPANION " dump " + pid},
                 {"LIMPET_RUNTIME_DIR=" + program.runtime_directory()});
  EXPECT_EQ(dump.exit_code, 0) << dump.error;
  EXPECT_TRUE(ListDumps(companion_.dumps()).empty());
  EXPECT_EQ(ListDumps(here.File("limpet")).size(), 2u);
}

}  // namespace
}  // namespace limpet
