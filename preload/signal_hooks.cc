// The program's dealings with our own signals. All other signals pass straight through; who waits
// for any is seen to wait.

#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>

#include "preload/export.h"
#include "preload/next_symbol.h"
#include "preload/parked_call.h"
#include "preload/wait_timeout.h"
#include "runtime/dump/own_signal.h"

namespace limpet {
namespace {

using Handler = void (*)(int);

NextFunction<SigactionFunction> g_next_sigaction("sigaction");
NextFunction<int (*)(const sigset_t*, int*)> g_next_sigwait("sigwait");
NextFunction<int (*)(const sigset_t*, siginfo_t*)> g_next_sigwaitinfo("sigwaitinfo");
NextFunction<int (*)(const sigset_t*, siginfo_t*, const timespec*)> g_next_sigtimedwait(
    "sigtimedwait");
NextFunction<int (*)(int, const sigset_t*, int)> g_next_signalfd("signalfd");
NextFunction<Handler (*)(int, Handler)> g_next_signal("signal");
NextFunction<Handler (*)(int, Handler)> g_next_sysv_signal("__sysv_signal");
NextFunction<Handler (*)(int, Handler)> g_next_sigset("sigset");
NextFunction<int (*)(int)> g_next_sigignore("sigignore");

Wait SignalWait(const timespec* timeout) {
  return {.reason = WaitReason::kSignal, .timeout_ns = PassedTimeoutOf(timeout)};
}

void YieldIfOurs(int signal) {
  OwnSignal own = OwnSignalOf(signal);
  if (own != OwnSignal::kNone) YieldSignal(own);
}

// signal() and its relatives in terms of what they do to ours: all set a handler and give the old
// one.
Handler SetHandler(int signal, Handler handler, NextFunction<Handler (*)(int, Handler)>& next) {
  OwnSignal own = OwnSignalOf(signal);
  if (own == OwnSignal::kNone) return next.get()(signal, handler);
  if (handler == SIG_DFL) return SIG_DFL;  // what the program sees is the default already
  YieldSignal(own);
  return next.get()(signal, handler);
}

}  // namespace

void BindSignalHooks() {
  g_next_sigaction.Bind();
  g_next_sigwait.Bind();
  g_next_sigwaitinfo.Bind();
  g_next_sigtimedwait.Bind();
  g_next_signalfd.Bind();
  g_next_signal.Bind();
  g_next_sysv_signal.Bind();
  g_next_sigset.Bind();
  g_next_sigignore.Bind();
}

extern "C" {

int HookSigaction(int signal, const struct sigaction* action, struct sigaction* old)
    LIMPET_EXPORT("sigaction");
int HookSigactionAlias(int signal, const struct sigaction* action, struct sigaction* old)
    LIMPET_EXPORT("__sigaction");
Handler HookSignal(int signal, Handler handler) LIMPET_EXPORT("signal");
Handler HookBsdSignal(int signal, Handler handler) LIMPET_EXPORT("bsd_signal");
Handler HookSsignal(int signal, Handler handler) LIMPET_EXPORT("ssignal");
Handler HookSysvSignal(int signal, Handler handler) LIMPET_EXPORT("__sysv_signal");
Handler HookSysvSignalAlias(int signal, Handler handler) LIMPET_EXPORT("sysv_signal");
Handler HookSigset(int signal, Handler handler) LIMPET_EXPORT("sigset");
int HookSigignore(int signal) LIMPET_EXPORT("sigignore");
int HookSigwait(const sigset_t* signals, int* signal) LIMPET_EXPORT("sigwait");
int HookSigwaitinfo(const sigset_t* signals, siginfo_t* info) LIMPET_EXPORT("sigwaitinfo");
int HookSigtimedwait(const sigset_t* signals, siginfo_t* info, const timespec* timeout)
    LIMPET_EXPORT("sigtimedwait");
int HookSignalfd(int descriptor, const sigset_t* signals, int flags) LIMPET_EXPORT("signalfd");

int HookSigaction(int signal, const struct sigaction* action, struct sigaction* old) {
  OwnSignal own = OwnSignalOf(signal);
  if (own != OwnSignal::kNone) [[unlikely]]
    return ProgramSigaction(own, action, old);
  return g_next_sigaction.get()(signal, action, old);
}

int HookSigactionAlias(int signal, const struct sigaction* action, struct sigaction* old) {
  return HookSigaction(signal, action, old);
}

Handler HookSignal(int signal, Handler handler) {
  return SetHandler(signal, handler, g_next_signal);
}
Handler HookBsdSignal(int signal, Handler handler) {
  return SetHandler(signal, handler, g_next_signal);
}
Handler HookSsignal(int signal, Handler handler) {
  return SetHandler(signal, handler, g_next_signal);
}

Handler HookSysvSignal(int signal, Handler handler) {
  return SetHandler(signal, handler, g_next_sysv_signal);
}
Handler HookSysvSignalAlias(int signal, Handler handler) {
  return SetHandler(signal, handler, g_next_sysv_signal);
}

// Also blocks and unblocks the signal, so it is the real one's in every case.
Handler HookSigset(int signal, Handler handler) {
  YieldIfOurs(signal);
  return g_next_sigset.get()(signal, handler);
}

int HookSigignore(int signal) {
  YieldIfOurs(signal);
  return g_next_sigignore.get()(signal);
}

int HookSigwait(const sigset_t* signals, int* signal) {
  ParkedCall parked(SignalWait(nullptr), sys::CaptureCaller());
  YieldSignals(signals);
  return g_next_sigwait.get()(signals, signal);
}

int HookSigwaitinfo(const sigset_t* signals, siginfo_t* info) {
  ParkedCall parked(SignalWait(nullptr), sys::CaptureCaller());
  YieldSignals(signals);
  return g_next_sigwaitinfo.get()(signals, info);
}

int HookSigtimedwait(const sigset_t* signals, siginfo_t* info, const timespec* timeout) {
  ParkedCall parked(SignalWait(timeout), sys::CaptureCaller());
  YieldSignals(signals);
  return g_next_sigtimedwait.get()(signals, info, timeout);
}

int HookSignalfd(int descriptor, const sigset_t* signals, int flags) {
  YieldSignals(signals);
  return g_next_signalfd.get()(descriptor, signals, flags);
}

}  // extern "C"

}  // namespace limpet
