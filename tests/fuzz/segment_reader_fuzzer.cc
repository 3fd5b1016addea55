// Any bytes as a segment: the reader refuses them, or what it returns can be turned into every kind
// of profile and written. Nothing else may happen.
//
// Runs: fuzzer.  Threads: one.  Allocates: yes.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/fuzz/input_file.h"
#include "tools/profile/profile_builder.h"
#include "tools/reader/segment_reader.h"
#include "tools/render/collapsed_writer.h"
#include "tools/render/pprof_writer.h"
#include "tools/render/text_writer.h"

namespace limpet {
namespace {

class NoSymbols : public Symbolizer {
 public:
  std::vector<SourceFrame> Resolve(const ModuleFile&, std::uint64_t) override { return {}; }
};

void Render(const SegmentSnapshot& snapshot) {
  NoSymbols symbolizer;
  ProfileBuilder builder(snapshot, symbolizer, nullptr);
  for (const std::string& name : KnownProfiles()) {
    const absl::StatusOr<Profile> profile = builder.Build(name, {});
    if (!profile.ok() || !WritePprof(*profile).ok()) abort();
    if (WriteText(*profile).empty()) abort();
    WriteCollapsed(*profile);
  }
}

}  // namespace
}  // namespace limpet

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t count) {
  static const limpet::InputFile file(".segment");
  file.Write(bytes, count);
  const absl::StatusOr<limpet::SegmentSnapshot> snapshot = limpet::ReadSegment(file.path());
  if (snapshot.ok()) limpet::Render(*snapshot);
  return 0;
}
