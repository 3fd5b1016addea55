#include "preload/kernel_call.h"

#include <fcntl.h>

#include "runtime/wait_path.h"

namespace limpet {
namespace {

constexpr clockid_t kClock = CLOCK_MONOTONIC_COARSE;  // of all that asks the kernel for data

[[gnu::always_inline]] inline long Call(long a, long b, long c, long d, const KernelCall& call) {
  if (call.first == FirstWord::kPath) return CallKernel(call.number, AT_FDCWD, a, b, c);
  return CallKernel(call.number, a, b, c, d);
}

}  // namespace

extern "C" {

[[gnu::visibility("hidden"), gnu::used]] long LimpetCallKernel(long a, long b, long c, long d,
                                                               KernelCall& call);

// The last two words of a system call of six (recvfrom) are no address and its size.
[[gnu::hot, gnu::aligned(64)]] long LimpetCallKernel(long a, long b, long c, long d,
                                                     KernelCall& call) {
  LIMPET_TELL_WHEN_UNWOUND("LimpetOnParkUnwound");
  Park park;
  int descriptor = call.first == FirstWord::kDescriptor ? static_cast<int>(a) : -1;
  session::StartWait({.reason = call.reason, .descriptor = descriptor}, kClock,
                     sys::CaptureCaller(), park);
  long result = 0;
  if (call.next.IsPlainCall()) [[likely]]
    result = Call(a, b, c, d, call);
  else
    result = call.next.get()(a, b, c, d);
  session::EndWait(park, kClock);
  return result;
}

}  // extern "C"
}  // namespace limpet
