// The program gives up what making a segment needs: the user that owns the runtime directory, or
// the sight of it. The segment is made before, while it can be; what it needs later is mapped.

#include <sched.h>
#include <unistd.h>

#include "preload/export.h"
#include "preload/next_symbol.h"
#include "runtime/session.h"
#include "runtime/sys/raw_syscall.h"
#include "runtime/sys/sandbox.h"

namespace limpet {
namespace {

using UserFunction = int (*)(uid_t);
NextFunction<UserFunction> g_next_setuid("setuid");
NextFunction<UserFunction> g_next_seteuid("seteuid");
NextFunction<UserFunction> g_next_setfsuid("setfsuid");
NextFunction<int (*)(uid_t, uid_t)> g_next_setreuid("setreuid");
NextFunction<int (*)(uid_t, uid_t, uid_t)> g_next_setresuid("setresuid");
NextFunction<int (*)(const char*)> g_next_chroot("chroot");
NextFunction<int (*)(int)> g_next_unshare("unshare");
NextFunction<int (*)(int, int)> g_next_setns("setns");

// -1 leaves the user as it is; one that stays loses nothing, and a segment would be in vain.
// Groups give no access to a segment, so theirs are not hooked.
void PrepareForUser(uid_t user) {
  if (sys::IsSandboxed()) return;
  auto present = static_cast<uid_t>(sys::RawSyscall(SYS_geteuid));
  if (user != static_cast<uid_t>(-1) && user != present) session::PrepareToGiveUpRights();
}

void PrepareForNamespaces(int kinds) {
  if ((kinds & (CLONE_NEWNS | CLONE_NEWUSER)) != 0) session::EnsureSegment();
}

// Told before: a dump signal right after the call must know of it.
template <class Call>
int ChangeRoot(Call call) {
  session::PrepareToGiveUpRights();
  session::OnRootChangeStart();
  int result = call();
  if (result != 0) session::OnRootChangeFailed();
  return result;
}

}  // namespace

void BindPrivilegeHooks() {
  g_next_setuid.Bind();
  g_next_seteuid.Bind();
  g_next_setfsuid.Bind();
  g_next_setreuid.Bind();
  g_next_setresuid.Bind();
  g_next_chroot.Bind();
  g_next_unshare.Bind();
  g_next_setns.Bind();
}

extern "C" {

int HookSetuid(uid_t user) LIMPET_EXPORT("setuid");
int HookSeteuid(uid_t user) LIMPET_EXPORT("seteuid");
int HookSetfsuid(uid_t user) LIMPET_EXPORT("setfsuid");
int HookSetreuid(uid_t real, uid_t effective) LIMPET_EXPORT("setreuid");
int HookSetresuid(uid_t real, uid_t effective, uid_t saved) LIMPET_EXPORT("setresuid");
int HookChroot(const char* path) LIMPET_EXPORT("chroot");
int HookUnshare(int kinds) LIMPET_EXPORT("unshare");
int HookSetns(int descriptor, int kinds) LIMPET_EXPORT("setns");

int HookSetuid(uid_t user) {
  PrepareForUser(user);
  return g_next_setuid.get()(user);
}

int HookSeteuid(uid_t user) {
  PrepareForUser(user);
  return g_next_seteuid.get()(user);
}

int HookSetfsuid(uid_t user) {
  PrepareForUser(user);
  return g_next_setfsuid.get()(user);
}

int HookSetreuid(uid_t real, uid_t effective) {
  PrepareForUser(effective);
  return g_next_setreuid.get()(real, effective);
}

int HookSetresuid(uid_t real, uid_t effective, uid_t saved) {
  PrepareForUser(effective);
  return g_next_setresuid.get()(real, effective, saved);
}

// Rights that are given up in there cannot be told to the file any more, so it is told now.
int HookChroot(const char* path) {
  return ChangeRoot([=] { return g_next_chroot.get()(path); });
}

int HookUnshare(int kinds) {
  PrepareForNamespaces(kinds);
  return g_next_unshare.get()(kinds);
}

// 0: whatever the descriptor stands for.
int HookSetns(int descriptor, int kinds) {
  bool is_root = kinds == 0 || (kinds & CLONE_NEWNS) != 0;
  if (is_root) return ChangeRoot([=] { return g_next_setns.get()(descriptor, kinds); });
  PrepareForNamespaces(kinds);
  return g_next_setns.get()(descriptor, kinds);
}

}  // extern "C"

}  // namespace limpet
