#include "tools/reader/segment_head.h"

#include "runtime/layout/segment.h"
#include "tools/reader/section_copy.h"
#include "tools/reader/segment_file.h"

namespace limpet {

absl::StatusOr<SegmentHead> ReadSegmentHead(const std::string& path) {
  const absl::StatusOr<SegmentFile> file = SegmentFile::Open(path);
  if (!file.ok()) return file.status();
  SegmentHeader header{};
  const absl::Status status = ReadHeader(*file, header);
  if (!status.ok()) return status;
  return SegmentHead{.name = {.pid = header.pid, .start_ticks = header.start_ticks},
                     .parent_pid = header.parent_pid,
                     .pid_namespace = header.pid_namespace,
                     .has_exited = header.state.load() == SegmentState::kExited,
                     .dump_requests = header.dump_requests.load()};
}

}  // namespace limpet
