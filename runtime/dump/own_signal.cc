#include "runtime/dump/own_signal.h"

#include "runtime/sys/readable_memory.h"
#include "runtime/sys/sandbox.h"

namespace limpet {
namespace {

constexpr OwnSignal kOwnSignals[] = {OwnSignal::kDump, OwnSignal::kStack};

constinit SigactionFunction g_next_sigaction = nullptr;

struct sigaction DefaultAction() {
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  return action;
}

// What is there at load decides whether the signal can be ours.
SignalState StateBeside(const struct sigaction& present) {
  if (present.sa_handler == SIG_IGN) return SignalState::kInherited;
  return present.sa_handler == SIG_DFL ? SignalState::kOurs : SignalState::kProgram;
}

bool IsOurs(OwnSignal which) { return session::StateOf(which) == SignalState::kOurs; }

bool HasAny() { return IsOurs(OwnSignal::kDump) || IsOurs(OwnSignal::kStack); }

bool Replace(int signal, SignalHandler handler) {
  struct sigaction ours = {};
  ours.sa_sigaction = handler;
  ours.sa_flags = SA_RESTART | SA_ONSTACK | SA_SIGINFO;
  sigfillset(&ours.sa_mask);
  return g_next_sigaction(signal, &ours, nullptr) == 0;
}

}  // namespace

void InstallOwnSignal(OwnSignal which, SignalHandler handler, SigactionFunction next_sigaction) {
  int signal = session::NumberOf(which);
  g_next_sigaction = next_sigaction;
  struct sigaction present = {};
  if (signal == 0 || next_sigaction(signal, nullptr, &present) != 0) return;
  SignalState state = StateBeside(present);
  if (state != SignalState::kOurs || Replace(signal, handler))
    session::SetSignalState(which, state);
}

OwnSignal OwnSignalOf(int signal) {
  for (OwnSignal which : kOwnSignals) {
    if (signal == session::NumberOf(which) && IsOurs(which)) return which;
  }
  return OwnSignal::kNone;
}

int ProgramSigaction(OwnSignal which, const struct sigaction* action, struct sigaction* old) {
  bool takes = action != nullptr && action->sa_handler != SIG_DFL;
  int result = 0;
  if (takes) {
    session::SetSignalState(which, SignalState::kProgram);
    result = g_next_sigaction(session::NumberOf(which), action, nullptr);
  }
  if (result == 0 && old != nullptr) *old = DefaultAction();
  return result;
}

void YieldSignal(OwnSignal which) {
  struct sigaction action = DefaultAction();
  session::SetSignalState(which, SignalState::kProgram);
  if (!sys::IsSandboxed()) g_next_sigaction(session::NumberOf(which), &action, nullptr);
}

void YieldSignals(const sigset_t* signals) {
  if (signals == nullptr || !HasAny()) return;
  // A set that cannot be read is the kernel's to refuse. In a sandbox it is not asked beforehand.
  if (!sys::IsSandboxed() && !sys::IsReadable(signals, sizeof(long))) return;
  for (OwnSignal which : kOwnSignals) {
    if (IsOurs(which) && sigismember(signals, session::NumberOf(which)) == 1) YieldSignal(which);
  }
}

}  // namespace limpet
