#include "runtime/dump/stack_signal.h"

#include "runtime/session.h"
#include "runtime/sys/caller_frame.h"
#include "runtime/sys/errno_keeper.h"
#include "runtime/sys/interruption.h"

namespace limpet {
namespace {

bool IsCompanions(const siginfo_t& info) {
  const SegmentHeader* header = session::header();
  if (header == nullptr || info.si_code != SI_QUEUE) return false;
  return reinterpret_cast<std::uint64_t>(info.si_value.sival_ptr) == header->stack_signal_cookie;
}

void HandleStackSignal(int, siginfo_t* info, void* context) {
  sys::ErrnoKeeper errno_keeper;
  if (!IsCompanions(*info) || session::IsVforkChild()) return;
  session::OnStackAsked(sys::InterruptedFrame(context), sys::SignalStackLow(context));
}

}  // namespace

void InstallStackSignal(SigactionFunction next_sigaction) {
  bool is_free = session::NumberOf(OwnSignal::kDump) != session::NumberOf(OwnSignal::kStack);
  if (is_free) InstallOwnSignal(OwnSignal::kStack, HandleStackSignal, next_sigaction);
}

}  // namespace limpet
