// Who has which locks for reading.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/traced_program.h"

namespace limpet {
namespace {

constexpr char kLockReaders[] = LIMPET_PROGRAMS "/lock_readers";

std::vector<std::uint64_t> SaidBy(TracedProgram& program) {
  std::istringstream line(program.ReadLine());
  std::string word;
  std::vector<std::uint64_t> locks;
  for (line >> word; line >> word;) locks.push_back(std::stoull(word, nullptr, 16));
  return locks;
}

// Of the main thread.
std::vector<std::uint64_t> SeenIn(const TracedProgram& program) {
  for (const ThreadRecord& thread : program.Read().threads)
    if (thread.number == 1) return thread.read_locks;
  ADD_FAILURE() << "no main thread";
  return {};
}

TEST(LockReaders, AreKnownHoweverTheyTakeAndLeaveIt) {
  TracedProgram program({kLockReaders}, {});
  for (const std::size_t count : {5U, 3U, 0U, 0U}) {
    const std::vector<std::uint64_t> said = SaidBy(program);
    EXPECT_EQ(said.size(), count);
    EXPECT_THAT(SeenIn(program), ::testing::UnorderedElementsAreArray(said));
    program.Continue();
  }
  EXPECT_EQ(program.Finish(), 0);
}

}  // namespace
}  // namespace limpet
