#include "runtime/dump/dump_place.h"

#include <errno.h>
#include <fcntl.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "runtime/sys/fixed_text.h"
#include "runtime/sys/raw_syscall.h"

namespace limpet {
namespace {

using sys::AsArgument;
using sys::Failed;
using sys::RawSyscall;

using Path = sys::FixedText<sizeof(SegmentHeader::dump_directory) + 128>;

enum class Place : std::uint8_t { kMissing, kOurs, kForbidden };

// By making a file without a name. access() would be asked for the real user, and knows nothing of
// file systems that cannot be written to.
Place LookAt(const char* directory) {
  long file = RawSyscall(SYS_open, AsArgument(directory), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  if (!Failed(file)) RawSyscall(SYS_close, file);
  if (file == -ENOENT) return Place::kMissing;
  bool is_forbidden = file == -EACCES || file == -EPERM || file == -EROFS;
  return is_forbidden ? Place::kForbidden : Place::kOurs;
}

// The folder of this process, which an earlier dump may have made: %e.%p-%s of the companion.
void AppendFolder(const SegmentHeader& header, Path* path) {
  const char* last_slash = strrchr(header.executable, '/');
  const char* base = last_slash == nullptr ? header.executable : last_slash + 1;
  path->Append("/").Append(header.program[0] != '\0' ? header.program : base);
  path->Append(".").AppendNumber(header.pid).Append("-").AppendNumber(header.start_ticks);
}

}  // namespace

bool MayWriteDumps(const SegmentHeader& header) {
  Path path;
  path.Append(header.dump_directory);
  AppendFolder(header, &path);
  // What is missing is made, in the first above it that is there.
  Place place = LookAt(path.c_str());
  for (std::size_t end = path.size(); place == Place::kMissing && end > 1;) {
    while (end > 1 && path.c_str()[--end] != '/') {
    }
    Path above;
    above.Append(path.c_str(), end);
    place = LookAt(end > 1 ? above.c_str() : "/");
  }
  return place != Place::kForbidden;
}

}  // namespace limpet
