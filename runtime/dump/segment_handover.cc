#include "runtime/dump/segment_handover.h"

#include <fcntl.h>

#include <cstddef>
#include <cstdint>

#include "runtime/dump/dump_place.h"
#include "runtime/dump/request_claim.h"
#include "runtime/dump/segment_copy.h"
#include "runtime/session.h"
#include "runtime/sys/memory_file.h"
#include "runtime/sys/raw_syscall.h"

namespace limpet {
namespace {

using sys::AsArgument;
using sys::Failed;
using sys::RawSyscall;

// The copy is charged to the program's memory cgroup, as we share its memory until the companion
// begins: it must not be what fills it.
constexpr std::uint64_t kMaxHandedBytes = 16 << 20;

// What bears its name in another root may be anything: a pipe would have us wait for its writer.
bool CanOpen(const char* path, const SegmentHeader& header) {
  long file =
      RawSyscall(SYS_open, AsArgument(path), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (Failed(file)) return false;
  std::uint64_t created_ns = 0;
  long bytes = RawSyscall(SYS_pread64, file, AsArgument(&created_ns), sizeof(created_ns),
                          offsetof(SegmentHeader, created_monotonic_ns));
  RawSyscall(SYS_close, file);
  return bytes == sizeof(created_ns) && created_ns == header.created_monotonic_ns;
}

}  // namespace

SegmentHandover::SegmentHandover(const char** arguments)
    : arguments_(arguments), header_(session::header()), preparation_{&Prepare, this} {}

void SegmentHandover::NoteAnswered() {
  if (is_handed_over_) ClaimRequests(header_, requests_);
}

long SegmentHandover::Prepare(void* handover) {
  auto* self = static_cast<SegmentHandover*>(handover);
  if (self->header_ == nullptr || CanOpen(session::segment_path(), *self->header_))
    return sys::kNothingHanded;
  if (!MayWriteDumps(*self->header_)) return -kLaunchCannotWrite;
  if (UsedBytes(*self->header_) > kMaxHandedBytes) return -kLaunchTooLarge;
  return self->HandOver();
}

long SegmentHandover::HandOver() {
  long file = sys::MakeMemoryFile("limpet-segment");
  if (Failed(file)) return file;
  requests_ = header_->dump_requests.load(std::memory_order_acquire);
  long result = CopySegment(*header_, static_cast<int>(file));
  if (Failed(result)) return result;
  arguments_[0] = "--segment-fd";
  arguments_[1] = "3";
  static_assert(sys::kHandedDescriptor == 3);
  is_handed_over_ = true;
  return file;
}

}  // namespace limpet
