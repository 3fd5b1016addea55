// longjmp and its relatives: a signal handler that jumps out of a wait ends it.

#include <cstdint>

#include "preload/next_symbol.h"
#include "runtime/session.h"
#include "runtime/sys/jump_target.h"

namespace limpet {
namespace {

using Jump = void (*)(void*, int);

constinit NextFunction<Jump> g_next_jump[] = {
    NextFunction<Jump>("longjmp"), NextFunction<Jump>("_longjmp"), NextFunction<Jump>("siglongjmp"),
    NextFunction<Jump>("__longjmp_chk")};

}  // namespace

extern "C" {

[[gnu::visibility("hidden"), gnu::used]] Jump LimpetBeforeJump(const std::uint64_t* buffer,
                                                               unsigned which) {
  session::OnJump(sys::StackPointerOf(buffer));
  return g_next_jump[which].get();
}

}  // extern "C"

void BindJumpHooks() {
  for (NextFunction<Jump>& next : g_next_jump) next.Bind();
}

LIMPET_JUMP_STUB("longjmp", 0, "LimpetBeforeJump");
LIMPET_JUMP_STUB("_longjmp", 1, "LimpetBeforeJump");
LIMPET_JUMP_STUB("siglongjmp", 2, "LimpetBeforeJump");
LIMPET_JUMP_STUB("__longjmp_chk", 3, "LimpetBeforeJump");

}  // namespace limpet
