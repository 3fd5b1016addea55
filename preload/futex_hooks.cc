// syscall(): what libraries that make their own locks wait by (futex), and what leads into a filter
// of system calls. Everything else is passed on as it came, by a jump.
//
//   syscall(SYS_futex, ...)   Rust's std, C++20's semaphores and atomics, abseil, folly
//
// Runs: target hot path.

#include <linux/futex.h>
#include <sys/syscall.h>

#include "preload/export.h"
#include "preload/next_symbol.h"
#include "preload/parked_call.h"
#include "preload/system_call.h"
#include "preload/wait_timeout.h"
#include "runtime/park/hold_waiters.h"
#include "runtime/sys/register_keeping_stub.h"

namespace limpet {
namespace {

constexpr long kFutexWaitv = 449;
constexpr int kFutexLockPi2 = 13;

bool IsLock(int command) { return command == FUTEX_LOCK_PI || command == kFutexLockPi2; }

bool Waits(int command) {
  return command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET || IsLock(command) ||
         command == FUTEX_WAIT_REQUEUE_PI;
}

bool Wakes(int command) {
  return command == FUTEX_WAKE || command == FUTEX_WAKE_BITSET || command == FUTEX_WAKE_OP ||
         command == FUTEX_REQUEUE || command == FUTEX_CMP_REQUEUE || command == FUTEX_UNLOCK_PI ||
         command == FUTEX_CMP_REQUEUE_PI;
}

// FUTEX_WAIT alone is given a time from now.
std::uint64_t FutexTimeout(Word operation, int command, Word timeout) {
  auto* time = reinterpret_cast<const timespec*>(timeout);
  if (command == FUTEX_WAIT) return PassedTimeoutOf(time);
  bool is_real = (operation & FUTEX_CLOCK_REALTIME) != 0 || command == FUTEX_LOCK_PI;
  return PassedTimeoutUntil(is_real ? CLOCK_REALTIME : CLOCK_MONOTONIC, time);
}

// The first of those that futex_waitv() is given.
Wait WaitForOneOf(Word waiters, Word timeout, Word clock) {
  futex_waitv first = {};
  bool is_known =
      session::ReadPassed(reinterpret_cast<const void*>(waiters), &first, sizeof(first));
  return {.reason = WaitReason::kFutex,
          .object = is_known ? first.uaddr : 0,
          .timeout_ns = PassedTimeoutUntil(static_cast<clockid_t>(clock),
                                           reinterpret_cast<const timespec*>(timeout))};
}

// A lock's word is its owner's thread id and some flags; a plain one may mean anything.
std::uint32_t OwnerOf(Word word, int command) {
  std::uint32_t value = 0;
  bool is_known = IsLock(command) &&
                  session::ReadPassed(reinterpret_cast<const void*>(word), &value, sizeof(value));
  return is_known ? value & FUTEX_TID_MASK : 0;
}

}  // namespace

extern "C" {

[[gnu::visibility("hidden")]] SyscallFunction LimpetNextSyscall = nullptr;

[[gnu::visibility("hidden"), gnu::used]] void LimpetBindSyscall() {
  auto function = reinterpret_cast<SyscallFunction>(FindNext("syscall"));
  __atomic_store_n(&LimpetNextSyscall, function, __ATOMIC_RELAXED);
}

// Jumped to, so that its caller is the program. The seventh word lies on the stack; who gave none
// has something of its own there, which is harmless to read and to pass on. It is no parameter: a
// function may write where its parameters lie, and there another thread may write as well.
[[gnu::visibility("hidden"), gnu::used]] long LimpetSlowSyscall(long number, Word a, Word b, Word c,
                                                                Word d, Word e) {
  if (number == SYS_seccomp) return Seccomp(a, b, c);
  SyscallFunction next = NextSyscall();
  const Word f = *reinterpret_cast<const volatile Word*>(sys::CaptureCaller().stack_pointer);
  if (number == kFutexWaitv) {
    ParkedCall parked(WaitForOneOf(a, d, e), sys::CaptureCaller());
    return next(number, a, b, c, d, e, f);
  }
  int command = static_cast<int>(b) & FUTEX_CMD_MASK;
  if (Wakes(command) && g_hold_waiters.AreThereFor(a)) session::OnHoldEnd(a, sys::CaptureCaller());
  if (!Waits(command)) return next(number, a, b, c, d, e, f);
  ParkedCall parked({.reason = WaitReason::kFutex,
                     .object = a,
                     .timeout_ns = FutexTimeout(b, command, d),
                     .owner_thread_id = OwnerOf(a, command)},
                    sys::CaptureCaller());
  return next(number, a, b, c, d, e, f);
}

}  // extern "C"

SyscallFunction NextSyscall() {
  if (LimpetNextSyscall == nullptr) LimpetBindSyscall();
  return LimpetNextSyscall;
}

void BindFutexHooks() { LimpetBindSyscall(); }

// SYS_futex, SYS_futex_waitv, SYS_seccomp
LIMPET_DISPATCH_STUB("syscall", 202, 449, 317, "LimpetSlowSyscall", "LimpetNextSyscall",
                     "LimpetBindSyscall");
static_assert(SYS_futex == 202 && kFutexWaitv == 449 && SYS_seccomp == 317);

}  // namespace limpet
