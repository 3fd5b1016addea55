#include "runtime/dump/segment_handover.h"

#include <fcntl.h>

#include "runtime/dump/dump_place.h"
#include "runtime/dump/segment_copy.h"
#include "runtime/session.h"
#include "runtime/sys/memory_file.h"
#include "runtime/sys/raw_syscall.h"

namespace limpet {
namespace {

using sys::AsArgument;
using sys::Failed;
using sys::RawSyscall;

bool CanOpen(const char* path) {
  long file = RawSyscall(SYS_open, AsArgument(path), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (Failed(file)) return false;
  RawSyscall(SYS_close, file);
  return true;
}

}  // namespace

SegmentHandover::SegmentHandover(const char** arguments)
    : arguments_(arguments), header_(session::header()), preparation_{&Prepare, this} {}

void SegmentHandover::NoteAnswered() {
  if (is_handed_over_)
    header_->watch_state.answered_requests.store(requests_, std::memory_order_relaxed);
}

long SegmentHandover::Prepare(void* handover) {
  auto* self = static_cast<SegmentHandover*>(handover);
  if (self->header_ == nullptr || CanOpen(session::segment_path())) return sys::kNothingHanded;
  if (!MayWriteDumps(*self->header_)) return -kLaunchCannotWrite;
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
