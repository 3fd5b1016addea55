// Any bytes as a segment: the reader refuses them, or what it returns can be turned into every kind
// of profile and written. Nothing else may happen.
//
// Runs: fuzzer.  Threads: one.  Allocates: yes.

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "tools/profile/profile_builder.h"
#include "tools/reader/segment_reader.h"
#include "tools/render/collapsed_writer.h"
#include "tools/render/pprof_writer.h"
#include "tools/render/text_writer.h"

namespace limpet {
namespace {

// The reader's only door is a path; one file in memory is written anew for each input.
class InputFile {
 public:
  InputFile() : path_("/dev/shm/limpet-fuzz-" + std::to_string(getpid()) + ".segment") {}
  ~InputFile() { unlink(path_.c_str()); }

  void Write(const std::uint8_t* bytes, std::size_t count) const {
    const int file = open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || write(file, bytes, count) != static_cast<ssize_t>(count)) abort();
    close(file);
  }

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

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
  static const limpet::InputFile file;
  file.Write(bytes, count);
  const absl::StatusOr<limpet::SegmentSnapshot> snapshot = limpet::ReadSegment(file.path());
  if (snapshot.ok()) limpet::Render(*snapshot);
  return 0;
}
