#include "preload/parked_call.h"

#include "preload/main_thread_end.h"

namespace limpet {
extern "C" {

[[gnu::visibility("hidden"), gnu::used]] sys::Personality LimpetOnParkUnwound;

// In the first phase a handler is only looked for: there may be none, and then nothing is left.
int LimpetOnParkUnwound(int /*version*/, int actions, std::uint64_t /*exception_class*/,
                        void* /*exception*/, void* /*context*/) {
  if ((actions & sys::kUnwindCleanupPhase) != 0) session::OnWaitUnwound();
  if ((actions & sys::kUnwindForced) != 0) ExpectEndOfMainThread();
  return sys::kContinueUnwind;
}

}  // extern "C"
}  // namespace limpet
