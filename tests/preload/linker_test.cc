// What the loader binds and finds is what it binds and finds without us.

#include <filesystem>
#include <fstream>

#include "tests/preload/snapshot_facts.h"
#include "tests/support/temporary_directory.h"

namespace limpet {
namespace {

constexpr char kPlainCHost[] = LIMPET_PROGRAMS "/plain_c_host";
constexpr char kModules[] = LIMPET_PROGRAMS "/modules";
constexpr char kThrower[] = LIMPET_PROGRAMS "/libthrower.so";
constexpr char kHelpedPlugin[] = LIMPET_PROGRAMS "/libhelped_plugin.so";
constexpr char kStoragePlugin[] = LIMPET_PROGRAMS "/libstorage_plugin.so";

// Lines of what the loader says of `what`, without the process id before them.
std::vector<std::string> LoaderSays(const std::string& what, const std::string& preload,
                                    const std::vector<std::string>& command) {
  TemporaryDirectory directory;
  std::vector<std::string> all = {"/usr/bin/env", "LD_PRELOAD=" + preload, "LD_DEBUG=" + what,
                                  "LD_DEBUG_OUTPUT=" + directory.File("said")};
  all.insert(all.end(), command.begin(), command.end());
  TracedProgram program(all, {kExact});
  if (program.ReadLine().empty())
    return ADD_FAILURE() << "it did not start", std::vector<std::string>();
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
  std::vector<std::string> lines;
  for (const auto& file : std::filesystem::directory_iterator(directory.path())) {
    std::ifstream text(file.path());
    for (std::string line; std::getline(text, line);)
      lines.push_back(line.substr(line.find(':') + 1));
  }
  return lines;
}

bool Has(const std::string& line, const std::string& words) {
  return line.find(words) != std::string::npos;
}

TEST(Loader, BindsNoUnwinderToUs) {
  int bound = 0;
  for (const std::string& line :
       LoaderSays("bindings", LIMPET_TEST_LIBRARY, {kPlainCHost, kThrower, "quiet"})) {
    if (!Has(line, "symbol `_Unwind_") && !Has(line, "symbol `__register_frame")) continue;
    ++bound;
    EXPECT_TRUE(Has(line.substr(line.find(" to ")), "/libgcc_s.so")) << line;
  }
  EXPECT_GT(bound, 0) << "a plug-in throws";
}

// What is sought, where, and what is tried, for a plug-in that finds its helper by its own RUNPATH.
std::vector<std::string> Searches(const std::string& preload) {
  std::vector<std::string> searches;
  for (const std::string& line :
       LoaderSays("libs", preload, {kModules, "plain", kHelpedPlugin, ""})) {
    const bool is_search =
        Has(line, "find library=") || Has(line, "search path=") || Has(line, "trying file=");
    if (is_search && !Has(line, "liblimpet.so"))
      searches.push_back(line.substr(0, line.find(" [0]")));
  }
  return searches;
}

TEST(Loader, SearchesAsWithoutUs) {
  const std::vector<std::string> searches = Searches("");
  EXPECT_GT(searches.size(), 3u);
  EXPECT_EQ(Searches(LIMPET_TEST_LIBRARY), searches);
}

// The loader keeps some room for objects that come later; ours must have its own.
TEST(Loader, HasRoomForThreadStorageThatComesLater) {
  TracedProgram program({kModules, "plain", kStoragePlugin, ""}, {kExact});
  ASSERT_EQ(program.ReadLine(), "ready");
  EXPECT_EQ(TotalsOf(program.Read(), "heap", "AllocatesWithStorage"),
            (SiteTotals{30, 300, 30, 300}));
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

TEST(Unwinder, OfTheProgramsOwnKindWorks) {
  TracedProgram program({LIMPET_PROGRAMS "/unwinds"}, {kExact});
  ASSERT_EQ(program.ReadLine(), "ready");
  SegmentSnapshot snapshot = program.Read();
  EXPECT_EQ(TotalsOf(snapshot, "heap", "__cxa_allocate_exception").allocated_objects, 900);
  ExpectNothingLost(snapshot);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

}  // namespace
}  // namespace limpet
