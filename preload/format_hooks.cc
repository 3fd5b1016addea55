// printf, scanf and their relatives. Their arguments cannot be passed on as they came: what is
// called is the function that takes a list of them, as libc's own do.
//
// How much is written or read is known only afterwards. Where the buffer has room for what is
// usual, or holds as much, nothing is said of a wait: a call that needs more is then not seen to
// wait, where otherwise each of many calls would cost half as much again.
//
// This file is compiled with vector registers (preload/meson.build): some of the arguments are
// there.

#include <stdarg.h>

#include "preload/export.h"
#include "preload/next_symbol.h"
#include "preload/stream_wait.h"

namespace limpet {

constexpr std::size_t kUsualBytes = 256;

using Format = const char*;
using FormatFunction = int (*)(FILE*, Format, va_list);
using CheckedFunction = int (*)(FILE*, int, Format, va_list);

// A hook's own frame shows its caller; what waits is called by it.
template <class Function, class... Arguments>
[[gnu::cold, gnu::noinline]] static int Parked(NextFunction<Function>& next, const Wait& wait,
                                               const sys::CallerFrame& caller,
                                               Arguments... arguments) {
  ParkedCall parked(wait, caller);
  return next.get()(arguments...);
}

template <class Function, class... Arguments>
[[gnu::always_inline]] static inline int Print(NextFunction<Function>& next,
                                               const sys::CallerFrame& caller, FILE* stream,
                                               Arguments... arguments) {
  return RoomToWrite(stream) >= kUsualBytes
             ? next.get()(stream, arguments...)
             : Parked(next, StreamWait(WaitReason::kStreamWrite, stream), caller, stream,
                      arguments...);
}

template <class Function, class... Arguments>
[[gnu::always_inline]] static inline int Scan(NextFunction<Function>& next,
                                              const sys::CallerFrame& caller, FILE* stream,
                                              Arguments... arguments) {
  return BytesToRead(stream) >= kUsualBytes
             ? next.get()(stream, arguments...)
             : Parked(next, StreamWait(WaitReason::kStreamRead, stream), caller, stream,
                      arguments...);
}

// Written at once.
template <class Function, class... Arguments>
[[gnu::always_inline]] static inline int Write(NextFunction<Function>& next,
                                               const sys::CallerFrame& caller, int descriptor,
                                               Arguments... arguments) {
  return Parked(
      next, {.reason = WaitReason::kStreamWrite, .descriptor = descriptor, .is_composite = true},
      caller, descriptor, arguments...);
}

static constinit NextFunction<FormatFunction> g_next_vfprintf("vfprintf");
static constinit NextFunction<CheckedFunction> g_next_vfprintf_chk("__vfprintf_chk");
static constinit NextFunction<int (*)(int, Format, va_list)> g_next_vdprintf("vdprintf");
static constinit NextFunction<int (*)(int, int, Format, va_list)> g_next_vdprintf_chk(
    "__vdprintf_chk");
static constinit NextFunction<FormatFunction> g_next_vfscanf("vfscanf");
static constinit NextFunction<FormatFunction> g_next_vfscanf99("__isoc99_vfscanf");
static constinit NextFunction<FormatFunction> g_next_vfscanf23("__isoc23_vfscanf");

void BindFormatHooks() {
  BindAll(g_next_vfprintf, g_next_vfprintf_chk, g_next_vdprintf, g_next_vdprintf_chk,
          g_next_vfscanf, g_next_vfscanf99, g_next_vfscanf23);
}

// A line is: our name, libc's and that of the one with a list, what it does by which function,
// where, parameters, and what of them is passed on.
#define LIMPET_UNWRAP(...) __VA_ARGS__
// NOLINTBEGIN(cert-dcl50-cpp): variadic as libc's are
#define LIMPET_FORMAT_HOOK(name, symbol, list_symbol, does, next, where, parameters, passed) \
  extern "C" int HookList##name(LIMPET_UNWRAP parameters, va_list list)                      \
      LIMPET_EXPORT(list_symbol);                                                            \
  extern "C" int HookList##name(LIMPET_UNWRAP parameters, va_list list) {                    \
    return does(next, sys::CaptureCaller(), where, LIMPET_UNWRAP passed, list);              \
  }                                                                                          \
  extern "C" int Hook##name(LIMPET_UNWRAP parameters, ...) LIMPET_EXPORT(symbol);            \
  extern "C" int Hook##name(LIMPET_UNWRAP parameters, ...) {                                 \
    va_list list;                                                                            \
    va_start(list, format);                                                                  \
    int result = does(next, sys::CaptureCaller(), where, LIMPET_UNWRAP passed, list);        \
    va_end(list);                                                                            \
    return result;                                                                           \
  }
// NOLINTEND(cert-dcl50-cpp)

// clang-format off
#define LIMPET_FORMAT_HOOKS(X) \
  X(Printf, "printf", "vprintf", Print, g_next_vfprintf, stdout, (Format format), (format)) \
  X(Fprintf, "fprintf", "vfprintf", Print, g_next_vfprintf, to, (FILE* to, Format format), (format)) \
  X(PrintfChecked, "__printf_chk", "__vprintf_chk", Print, g_next_vfprintf_chk, stdout, (int flag, Format format), (flag, format)) \
  X(FprintfChecked, "__fprintf_chk", "__vfprintf_chk", Print, g_next_vfprintf_chk, to, (FILE* to, int flag, Format format), (flag, format)) \
  X(Dprintf, "dprintf", "vdprintf", Write, g_next_vdprintf, fd, (int fd, Format format), (format)) \
  X(DprintfChecked, "__dprintf_chk", "__vdprintf_chk", Write, g_next_vdprintf_chk, fd, (int fd, int flag, Format format), (flag, format)) \
  X(Scanf, "scanf", "vscanf", Scan, g_next_vfscanf, stdin, (Format format), (format)) \
  X(Fscanf, "fscanf", "vfscanf", Scan, g_next_vfscanf, from, (FILE* from, Format format), (format)) \
  X(Scanf99, "__isoc99_scanf", "__isoc99_vscanf", Scan, g_next_vfscanf99, stdin, (Format format), (format)) \
  X(Fscanf99, "__isoc99_fscanf", "__isoc99_vfscanf", Scan, g_next_vfscanf99, from, (FILE* from, Format format), (format)) \
  X(Scanf23, "__isoc23_scanf", "__isoc23_vscanf", Scan, g_next_vfscanf23, stdin, (Format format), (format)) \
  X(Fscanf23, "__isoc23_fscanf", "__isoc23_vfscanf", Scan, g_next_vfscanf23, from, (FILE* from, Format format), (format))
// clang-format on

LIMPET_FORMAT_HOOKS(LIMPET_FORMAT_HOOK)

}  // namespace limpet
