// Processes that start others: each that is traced has profiles of its own, and what cannot be
// traced runs.

#include <algorithm>
#include <filesystem>
#include <set>

#include "tests/preload/dump_files.h"
#include "tests/preload/snapshot_facts.h"
#include "tests/support/command_output.h"
#include "tests/support/temporary_directory.h"

namespace limpet {
namespace {

constexpr char kFamilies[] = LIMPET_PROGRAMS "/families";
constexpr int kChildren = 8;

// Dumps all that ends below a fresh directory, which must be one folder for each process.
class Family {
 public:
  explicit Family(const std::vector<std::string>& command) {
    TracedProgram program(command,
                          {kExact, "LIMPET_DUMP_AT_EXIT=1", "LIMPET_DIR=" + directory_.path()});
    EXPECT_EQ(program.Finish(), 0);
    for (const std::string& file : ListDumps(directory_.path())) {
      folders_.insert(std::filesystem::path(file).parent_path().filename());
      if (file.ends_with(".heap.pb.gz")) heaps_.push_back(file);
    }
  }

  std::size_t ProcessesOf(const std::string& program) const {
    return static_cast<std::size_t>(std::count_if(
        folders_.begin(), folders_.end(),
        [&](const std::string& folder) { return folder.starts_with(program + "."); }));
  }
  const std::vector<std::string>& heaps() const { return heaps_; }
  std::multiset<std::int64_t> AllocatedAt(const std::string& function) const {
    std::multiset<std::int64_t> objects;
    for (const std::string& heap : heaps_) {
      const SiteTotals totals = TotalsOfDump(heap, function);
      if (totals.allocated_objects != 0) objects.insert(totals.allocated_objects);
    }
    return objects;
  }

 private:
  TemporaryDirectory directory_;
  std::set<std::string> folders_;
  std::vector<std::string> heaps_;
};

TEST(Families, HaveAProfileForEachProcess) {
  const Family family({kFamilies, std::to_string(kChildren)});
  EXPECT_EQ(family.ProcessesOf("families"), 1u + kChildren);
  EXPECT_EQ(family.heaps().size(), 1u + kChildren) << "none is written twice";
  EXPECT_EQ(family.AllocatedAt("ParentAllocates"), (std::multiset<std::int64_t>{10}));
  EXPECT_EQ(family.AllocatedAt("ChildAllocates"),
            (std::multiset<std::int64_t>{1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(Families, AreFollowedThroughAShell) {
  const Family family({kFamilies, "0", "/bin/sh", "-c", std::string(kFamilies) + " 2; true"});
  EXPECT_EQ(family.ProcessesOf("families"), 4u) << "the first, the shell's, and its two children";
  EXPECT_EQ(family.AllocatedAt("ParentAllocates"), (std::multiset<std::int64_t>{10, 10}));
  EXPECT_EQ(family.AllocatedAt("ChildAllocates"), (std::multiset<std::int64_t>{1, 2}));
}

TEST(Families, AreLeftAloneWhereThePreloadIsTakenAway) {
  const Family family({kFamilies, "0", "/usr/bin/env", "-u", "LD_PRELOAD", kFamilies, "2"});
  EXPECT_EQ(family.ProcessesOf("families"), 1u);
}

// What they print is the loader's word, if anybody's; never ours.
TEST(ForeignChildren, RunAsEver) {
  for (const char* name : {"static_child", "old_child"}) {
    const std::string path = std::string(LIMPET_PROGRAMS "/foreign/") + name;
    if (access(path.c_str(), X_OK) != 0) continue;
    const std::string command = path + "; echo status $?";
    const CommandOutput output = RunProgram(
        {"/bin/sh", "-c", command}, {std::string("LD_PRELOAD=") + LIMPET_TEST_LIBRARY, kExact});
    EXPECT_EQ(output.out, "status 7\n") << name;
    EXPECT_EQ(output.error, "") << name;
  }
}

}  // namespace
}  // namespace limpet
