// Compares every walk of a traced program with libunwind's, inside the program.
//
// Linked into a copy of the preload library with --wrap on Tracer::Capture, so it sees the very
// walks, bounds and remembered stacks that production uses. For each walk: the incremental result,
// a full walk of the same stack, and unw_backtrace must name the same callers. The tally goes to
// $LIMPET_ORACLE_LOG at exit.

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "runtime/stack/loaded_object.h"
#include "runtime/stack/stack_walker.h"
#include "runtime/sys/private_pages.h"
#include "runtime/tracer.h"

extern "C" {

limpet::InternedStack __real__ZN6limpet6Tracer7CaptureERNS_13ThreadContextERKNS_3sys11CallerFrameE(
    limpet::Tracer* tracer, limpet::ThreadContext& thread, const limpet::sys::CallerFrame& start);
[[gnu::visibility("default")]] limpet::InternedStack
__wrap__ZN6limpet6Tracer7CaptureERNS_13ThreadContextERKNS_3sys11CallerFrameE(
    limpet::Tracer* tracer, limpet::ThreadContext& thread, const limpet::sys::CallerFrame& start);

}  // extern "C"

namespace limpet {
namespace {

constexpr int kOracleFrames = 2 * kMaxStackFrames;
constexpr int kPrintedDifferences = 10;

std::atomic<int (*)(void**, int)> g_unw_backtrace = nullptr;
std::atomic<int> g_log = -1;
std::atomic<std::uint64_t> g_walks = 0;
std::atomic<std::uint64_t> g_resumed = 0;
std::atomic<std::uint64_t> g_incremental_differences = 0;
std::atomic<std::uint64_t> g_oracle_differences = 0;
std::atomic<std::uint64_t> g_untabled = 0;  // equal up to a frame without unwind table (JIT)
std::atomic<std::uint64_t> g_oracle_shorter = 0;
std::atomic<std::uint64_t> g_not_found = 0;

thread_local RememberedWalk* t_full __attribute__((tls_model("initial-exec"))) = nullptr;

void PrintFrame(int log, std::uint64_t address) {
  LoadedObject object;
  bool is_known = FindLoadedObject(address - 1, &object);
  dprintf(log, "  %lx %s+0x%lx\n", address, is_known ? object.path : "?",
          is_known ? address - object.load_bias : address);
}

void Explain(const char* what, const RememberedWalk& walk, void* const* oracle, int count) {
  static std::atomic<int> printed = 0;
  int log = g_log.load();
  if (log < 0 || printed.fetch_add(1) >= kPrintedDifferences) return;
  dprintf(log, "%s: ours (%u, truncated %d):\n", what, walk.depth, walk.is_truncated);
  for (std::uint32_t i = walk.depth; i-- > 0;) PrintFrame(log, walk.frames[i].address());
  dprintf(log, "theirs (%d):\n", count);
  for (int i = 0; i < count; ++i) PrintFrame(log, reinterpret_cast<std::uint64_t>(oracle[i]));
}

bool IsSame(const RememberedWalk& a, const RememberedWalk& b) {
  if (a.depth != b.depth || a.is_truncated != b.is_truncated) return false;
  for (std::uint32_t i = 0; i < a.depth; ++i) {
    if (a.frames[i].frame != b.frames[i].frame) return false;
    if (a.frames[i].stack_pointer != b.frames[i].stack_pointer) return false;
  }
  return true;
}

bool HasTable(std::uint64_t address) {
  LoadedObject object;
  return FindLoadedObject(address - 1, &object) && object.eh_frame_header != 0;
}

void CompareWithOracle(const RememberedWalk& walk, void* const* oracle, int count) {
  std::uint64_t address = walk.frames[walk.depth - 1].address();
  int at = 0;
  while (at < count && reinterpret_cast<std::uint64_t>(oracle[at]) != address) ++at;
  if (at == count) {
    g_not_found.fetch_add(1);
    Explain("caller not found", walk, oracle, count);
    return;
  }
  for (std::uint32_t i = walk.depth; i-- > 0; ++at) {
    if (at == count) {
      g_oracle_shorter.fetch_add(1);
      return;
    }
    if (walk.frames[i].address() == reinterpret_cast<std::uint64_t>(oracle[at])) {
      // Beyond a frame without a table both only guess.
      if (!HasTable(walk.frames[i].address())) return void(g_untabled.fetch_add(1));
      continue;
    }
    g_oracle_differences.fetch_add(1);
    Explain("different", walk, oracle, count);
    return;
  }
  // What they have left over is a frame of address 0 at most.
  int extra = count - at;
  bool is_end =
      extra == 0 || (extra == 1 && oracle[at] == nullptr) || walk.depth == kMaxStackFrames;
  if (is_end) return;
  g_oracle_differences.fetch_add(1);
  Explain("ours is shorter", walk, oracle, count);
}

[[gnu::constructor(200)]] void OpenOracle() {
  const char* log = getenv("LIMPET_ORACLE_LOG");
  if (log == nullptr) return;
  g_log = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  void* library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return;
  g_unw_backtrace = reinterpret_cast<int (*)(void**, int)>(dlsym(library, "unw_backtrace"));
}

[[gnu::destructor]] void PrintTally() {
  int log = g_log.load();
  if (log < 0 || g_walks.load() == 0) return;
  dprintf(log,
          "tally walks=%lu resumed=%lu incremental_differences=%lu oracle_differences=%lu "
          "not_found=%lu untabled=%lu oracle_shorter=%lu\n",
          g_walks.load(), g_resumed.load(), g_incremental_differences.load(),
          g_oracle_differences.load(), g_not_found.load(), g_untabled.load(),
          g_oracle_shorter.load());
}

}  // namespace
}  // namespace limpet

limpet::InternedStack __wrap__ZN6limpet6Tracer7CaptureERNS_13ThreadContextERKNS_3sys11CallerFrameE(
    limpet::Tracer* tracer, limpet::ThreadContext& thread, const limpet::sys::CallerFrame& start) {
  using namespace limpet;
  InternedStack stack =
      __real__ZN6limpet6Tracer7CaptureERNS_13ThreadContextERKNS_3sys11CallerFrameE(tracer, thread,
                                                                                   start);
  auto backtrace = g_unw_backtrace.load();
  const RememberedWalk* walk = thread.record != nullptr ? &thread.record->walk : nullptr;
  if (backtrace == nullptr || walk == nullptr || walk->depth == 0) return stack;
  if (t_full == nullptr) t_full = sys::MapPrivatePages<RememberedWalk>(sizeof(RememberedWalk));
  if (t_full == nullptr) return stack;

  t_full->Forget();
  StackMemory memory(thread.record->own_stack, &thread.record->foreign_page);
  StackWalker(tracer->rules, memory).Walk(start, t_full);
  g_walks.fetch_add(1);
  if (walk->reused != 0) g_resumed.fetch_add(1);
  void* oracle[kOracleFrames];
  int count = backtrace(oracle, kOracleFrames);
  if (!IsSame(*walk, *t_full)) {
    g_incremental_differences.fetch_add(1);
    Explain("incremental", *walk, oracle, count);
    Explain("full", *t_full, oracle, count);
  }
  CompareWithOracle(*t_full, oracle, count);
  return stack;
}
