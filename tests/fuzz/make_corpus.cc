// Writes the seeds of the segment fuzzer, so that they follow the treaty when it changes:
//
//   make_corpus FOLDER          one small segment of each kind

#include <cstdio>
#include <string>

#include "tests/support/segment_builder.h"

namespace limpet {
namespace {

SegmentBuilder Full() {
  SegmentBuilder builder;
  const std::uint32_t app = builder.AddModule(
      {.path = "/bin/app", .start = 0x401000, .end = 0x402000, .load_bias = 0x400000});
  const std::uint32_t stack = builder.AddStack({{0x401234, app}, {0x401500, app}});
  const std::uint32_t cut = builder.AddStack({{0x401300, app}, {0x7000}}, /*is_truncated=*/true);
  builder.AddSite(stack, {.objects = 3, .bytes = 300});
  builder.AddSite(cut, {.kind = SiteKind::kMapping, .objects = 1, .bytes = 4096});
  builder.AddAllocation(stack, {.requested_bytes = 100, .weight = 1.5});
  builder.AddAllocation(stack, {.requested_bytes = 50, .generation = 3});
  builder.AddAllocation(cut, {.requested_bytes = 4096, .is_mapping = true});
  return builder;
}

void WriteSeeds(const std::string& folder) {
  SegmentBuilder().WriteTo(folder + "/empty");
  Full().WriteTo(folder + "/full");
  SegmentBuilder newer = Full();
  newer.GrowEntries(8);
  newer.AddUnknownSection();
  newer.WriteTo(folder + "/newer");
  SegmentBuilder circle = Full();
  circle.AddSite(circle.AddNode(0x1, circle.AddNode(0x2, 7)), {});
  circle.WriteTo(folder + "/circle");
}

}  // namespace
}  // namespace limpet

int main(int count, char** arguments) {
  if (count != 2) return 2;
  limpet::WriteSeeds(arguments[1]);
  return 0;
}
