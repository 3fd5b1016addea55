// The program puts itself under a filter of system calls: what we need of the file system is asked
// for before, and from then on we call nothing that could end it (README.md, "Sandboxes").

#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "preload/export.h"
#include "preload/next_symbol.h"
#include "runtime/session.h"
#include "runtime/sys/sandbox.h"
#include "runtime/sys/system_call_stub.h"

namespace limpet {
namespace {

using sys::Sandbox;
using Word = unsigned long;

NextFunction<int (*)(int, Word, Word, Word, Word)> g_next_prctl("prctl");

Sandbox WantedFromPrctl(Word mode) {
  return mode == SECCOMP_MODE_STRICT ? Sandbox::kStrict : Sandbox::kFilter;
}

using SyscallFunction = long (*)(long, ...);
[[gnu::used]] void BindSyscall() LIMPET_STUB_NAME("limpet_bind_syscall");
[[gnu::naked]] long FirstSyscall(long number, ...);
[[gnu::used]] long Seccomp(long number, Word operation, Word flags, Word filter)
    LIMPET_STUB_NAME("limpet_seccomp");
extern SyscallFunction g_next_syscall LIMPET_STUB_NAME("limpet_next_syscall");
constinit SyscallFunction g_next_syscall = FirstSyscall;

void BindSyscall() {
  auto function = reinterpret_cast<SyscallFunction>(FindNext("syscall"));
  __atomic_store_n(&g_next_syscall, function, __ATOMIC_RELAXED);
}

long FirstSyscall(long, ...) {
  LIMPET_SYSTEM_CALL_RESOLVER(limpet_bind_syscall, limpet_next_syscall);
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

[[gnu::cold]] long Seccomp(long /*number*/, Word operation, Word flags, Word filter) {
  auto call = [&] {
    return g_next_syscall(SYS_seccomp, operation, flags, filter, Word{0}, Word{0});
  };
  Sandbox wanted = WantedFromSeccomp(operation, filter);
  if (wanted == Sandbox::kNone || session::IsVforkChild()) return call();
  // With TSYNC a positive result is the thread that could not follow; with a listener it is that.
  bool names_thread =
      (flags & SECCOMP_FILTER_FLAG_TSYNC) != 0 && (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) == 0;
  return EnterSandbox(wanted, call,
                      [=](long result) { return result < 0 || (names_thread && result > 0); });
}

}  // namespace

void BindSandboxHooks() {
  g_next_prctl.Bind();
  BindSyscall();
}

extern "C" {

// libc's have `...`. Named, arguments that were not given are registers that are harmless to read.
// syscall's seventh lies on the stack, where the caller may have something of its own.
int HookPrctl(int option, Word a, Word b, Word c, Word d) LIMPET_EXPORT("prctl");
[[gnu::naked]] long HookSyscall(long number, ...) LIMPET_EXPORT("syscall");

int HookPrctl(int option, Word a, Word b, Word c, Word d) {
  if (option == PR_SET_SECCOMP || option == PR_SET_NO_NEW_PRIVS) [[unlikely]]
    return RestrictingPrctl(option, a, b, c, d);
  return g_next_prctl.get()(option, a, b, c, d);
}

long HookSyscall(long, ...) {
  LIMPET_SYSTEM_CALL_STUB(SYS_seccomp, limpet_seccomp, limpet_next_syscall);
}

}  // extern "C"

}  // namespace limpet
