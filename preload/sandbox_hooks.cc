// The program puts itself under a filter of system calls: what we need of the file system is asked
// for before, and from then on we call nothing that could end it (README.md, "Sandboxes").

#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "preload/export.h"
#include "preload/next_symbol.h"
#include "preload/system_call.h"
#include "runtime/session.h"
#include "runtime/sys/sandbox.h"
#include "runtime/sys/thread_pointer.h"

namespace limpet {
namespace {

using sys::Sandbox;

NextFunction<int (*)(int, Word, Word, Word, Word)> g_next_prctl("prctl");

Sandbox WantedFromPrctl(Word mode) {
  return mode == SECCOMP_MODE_STRICT ? Sandbox::kStrict : Sandbox::kFilter;
}

// Without a filter it is the question whether the kernel has the call, which it refuses.
Sandbox WantedFromSeccomp(Word operation, Word filter) {
  if (operation == SECCOMP_SET_MODE_STRICT) return Sandbox::kStrict;
  bool is_filter = operation == SECCOMP_SET_MODE_FILTER && filter != 0;
  return is_filter ? Sandbox::kFilter : Sandbox::kNone;
}

// The sandbox counts from before the call: a dump signal may come right behind it.
template <class Call, class IsRefusal>
auto EnterSandbox(Sandbox wanted, Call call, IsRefusal is_refusal) {
  session::PrepareForSandbox();
  session::OnSandboxStart(wanted);
  auto result = call();
  if (is_refusal(result))
    session::OnSandboxRefused(wanted);
  else
    session::OnSandboxEntered(wanted);
  return result;
}

// PR_SET_NO_NEW_PRIVS is no filter, but goes before one, which may come by a way that no hook sees.
[[gnu::cold, gnu::noinline]] int RestrictingPrctl(int option, Word a, Word b, Word c, Word d) {
  auto call = [&] { return g_next_prctl.get()(option, a, b, c, d); };
  if (session::IsVforkChild()) return call();
  if (option == PR_SET_SECCOMP)
    return EnterSandbox(WantedFromPrctl(a), call, [](int result) { return result != 0; });
  session::PrepareForSandbox();
  return call();
}

}  // namespace

[[gnu::cold, gnu::noinline]] long Seccomp(Word operation, Word flags, Word filter) {
  auto call = [&] { return NextSyscall()(SYS_seccomp, operation, flags, filter, 0, 0, 0); };
  Sandbox wanted = WantedFromSeccomp(operation, filter);
  if (wanted == Sandbox::kNone || session::IsVforkChild()) return call();
  // With TSYNC a positive result is the thread that could not follow; with a listener it is that.
  bool names_thread =
      (flags & SECCOMP_FILTER_FLAG_TSYNC) != 0 && (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) == 0;
  return EnterSandbox(wanted, call,
                      [=](long result) { return result < 0 || (names_thread && result > 0); });
}

void BindSandboxHooks() { g_next_prctl.Bind(); }

extern "C" {

// libc's has `...`. Named, arguments that were not given are registers that are harmless to read,
// and the hook can jump to what it calls.
int HookPrctl(int option, Word a, Word b, Word c, Word d) LIMPET_EXPORT("prctl");

int HookPrctl(int option, Word a, Word b, Word c, Word d) {
  if (option == PR_SET_SECCOMP || option == PR_SET_NO_NEW_PRIVS) [[unlikely]]
    return RestrictingPrctl(option, a, b, c, d);
  int result = g_next_prctl.get()(option, a, b, c, d);
  if (option == PR_SET_NAME && result == 0)
    session::OnRename(sys::ThreadPointer(), reinterpret_cast<const char*>(a));
  return result;
}

}  // extern "C"

}  // namespace limpet
