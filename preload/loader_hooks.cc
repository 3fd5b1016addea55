// dlclose: code may be gone, or be other code, where stacks were seen to go through.
//
// dlopen is not hooked: glibc finds the caller's RUNPATH by the return address, so a wrapper would
// change which library is loaded.

#include "preload/export.h"
#include "preload/next_symbol.h"
#include "runtime/session.h"

namespace limpet {
namespace {

NextFunction<int (*)(void*)> g_next_dlclose("dlclose");

}  // namespace

void BindLoaderHooks() { g_next_dlclose.Bind(); }

extern "C" {

int HookDlclose(void* library) LIMPET_EXPORT("dlclose");

// Before: no rule of the old code is used while its pages go. After: none that was cached meanwhile
// stays.
int HookDlclose(void* library) {
  session::OnUnload();
  int result = g_next_dlclose.get()(library);
  session::OnUnload();
  return result;
}

}  // extern "C"

}  // namespace limpet
