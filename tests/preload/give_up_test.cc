// Where we cannot go on we switch ourselves off, the program goes on, and readers are told.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "runtime/layout/allocation_slot.h"
#include "runtime/layout/segment.h"
#include "tests/preload/snapshot_facts.h"
#include "tests/support/command_output.h"
#include "tests/support/temporary_directory.h"

namespace limpet {
namespace {

constexpr char kLimits[] = LIMPET_PROGRAMS "/limits";

// A segment file as anybody may write to it who has the right.
class OpenSegment {
 public:
  explicit OpenSegment(const std::string& path) {
    int file = open(path.c_str(), O_RDWR | O_CLOEXEC);
    struct stat status = {};
    if (fstat(file, &status) == 0) bytes_ = static_cast<std::size_t>(status.st_size);
    base_ = static_cast<char*>(mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
    close(file);
  }
  ~OpenSegment() { munmap(base_, bytes_); }
  OpenSegment(const OpenSegment&) = delete;
  OpenSegment& operator=(const OpenSegment&) = delete;

  // Each slot that ever held a block.
  template <class Body>
  void ForEachAllocation(Body body) {
    auto* header = reinterpret_cast<SegmentHeader*>(base_);
    for (SectionEntry& section : header->sections) {
      if (section.kind != SectionKind::kAllocations) continue;
      auto* slots = reinterpret_cast<AllocationSlot*>(base_ + section.offset);
      for (std::uint64_t i = 0; i < section.used.load(); ++i) body(slots[i]);
    }
  }

 private:
  std::size_t bytes_ = 0;
  char* base_ = nullptr;
};

void ExpectTold(const TracedProgram& program) {
  const SegmentSnapshot snapshot = program.Read();
  EXPECT_EQ(snapshot.state, static_cast<std::uint32_t>(SegmentState::kPoisoned));
  const std::vector<std::string> settings = {"LIMPET_RUNTIME_DIR=" + program.runtime_directory()};
  const std::string pid = std::to_string(program.pid());
  CommandOutput list = RunProgram({LIMPET_COMPANION, "ps"}, settings);
  EXPECT_NE(list.out.find("gave up"), std::string::npos) << list.out << list.error;
  CommandOutput dump =
      RunProgram({LIMPET_COMPANION, "dump", pid, "-p", "heap", "-f", "text", "-o", "-"}, settings);
  EXPECT_EQ(dump.exit_code, 0) << dump.error;
  EXPECT_NE((dump.out + dump.error).find("tracing was given up"), std::string::npos)
      << dump.out << dump.error;
}

void ExpectGoneAtTheEnd(TracedProgram& program) {
  program.Continue();
  EXPECT_EQ(program.Finish(), 5);
  EXPECT_TRUE(program.Segments().empty());
}

void DamageLinks(const TracedProgram& program, std::uint32_t link) {
  ASSERT_EQ(program.Segments().size(), 1u);
  OpenSegment(program.Segments().front()).ForEachAllocation([link](AllocationSlot& slot) {
    slot.next_free = link;
  });
}

class DamagedLinks : public testing::TestWithParam<std::uint32_t> {};

TEST_P(DamagedLinks, SwitchesUsOff) {
  TracedProgram program({kLimits, "reuse"}, {kExact});
  ASSERT_EQ(program.ReadLine(), "freed");
  DamageLinks(program, GetParam());
  program.Continue();
  ASSERT_EQ(program.ReadLine(), "worked");
  ExpectTold(program);
  ExpectGoneAtTheEnd(program);
}

// Far outside of the segment; the whole range of numbers; a slot that is in use by then.
INSTANTIATE_TEST_SUITE_P(Values, DamagedLinks, testing::Values(0x7fff'fff0u, 0xffff'ffffu, 1u));

TEST(DamagedList, LeavesTheDumpAtExit) {
  TemporaryDirectory directory;
  TracedProgram program({kLimits, "reuse"},
                        {kExact, "LIMPET_DUMP_AT_EXIT=1", "LIMPET_DIR=" + directory.path()});
  ASSERT_EQ(program.ReadLine(), "freed");
  DamageLinks(program, 1);
  program.Continue();
  ASSERT_EQ(program.ReadLine(), "worked");
  ExpectGoneAtTheEnd(program);
  EXPECT_FALSE(std::filesystem::is_empty(directory.path()));
}

TEST(RefusedTables, SwitchUsOff) {
  TracedProgram program({kLimits, "no_tables"}, {"LIMPET_SAMPLE_BYTES=4MiB"});
  ASSERT_EQ(program.ReadLine(), "worked");
  ASSERT_EQ(program.Segments().size(), 1u);
  ExpectTold(program);
  ExpectGoneAtTheEnd(program);
}

}  // namespace
}  // namespace limpet
