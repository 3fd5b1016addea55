#include "tools/cli/segment_tidying.h"

#include <cstdint>
#include <cstdlib>
#include <optional>

#include "runtime/setting/setting_table.h"
#include "tools/reader/dead_segments.h"
#include "tools/reader/segment_directory.h"

namespace limpet {
namespace {

std::optional<std::uint64_t> ChosenLimit() {
  const char* const text = std::getenv("LIMPET_KEEP_DEAD");
  std::uint64_t limit = 0;
  if (text == nullptr || !ParseMaxDeadSegments(text, &limit)) return std::nullopt;
  return limit;
}

}  // namespace

void TidySegments(const std::string& runtime_directory) {
  RemoveOldDeadSegments(RuntimeDirectories(runtime_directory), ChosenLimit());
}

}  // namespace limpet
