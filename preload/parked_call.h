// What a hook has on its stack around a real call that may block.
//
//   int HookPause() {
//     ParkedCall parked({.reason = WaitReason::kPause}, sys::CaptureCaller());
//     return g_next_pause.get()();
//   }
//
// The wait ends with the scope; where the stack is unwound instead, with the unwinding.
//
// Runs: target hot path (slow side).  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include "runtime/session.h"
#include "runtime/sys/caller_frame.h"
#include "runtime/sys/unwind_notice.h"

namespace limpet {

class ParkedCall {
 public:
  [[gnu::always_inline]] ParkedCall(const Wait& wait, const sys::CallerFrame& caller) {
    LIMPET_TELL_WHEN_UNWOUND("LimpetOnParkUnwound");
    session::OnWaitStart(wait, caller, park_);
  }
  [[gnu::always_inline]] ~ParkedCall() { session::OnWaitEnd(park_); }
  ParkedCall(const ParkedCall&) = delete;
  ParkedCall& operator=(const ParkedCall&) = delete;

  // The real call does something else than wait from now on.
  void StopWaiting() { session::OnWaitOver(park_); }

 private:
  Park park_;
};

inline std::uint64_t AddressOf(const volatile void* object) {
  return reinterpret_cast<std::uint64_t>(object);
}

}  // namespace limpet
