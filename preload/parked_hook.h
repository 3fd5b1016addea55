// Hooks that do nothing but wait: a table of them, instead of a function each.
//
//   #define LIMPET_SLEEP_HOOKS(X) X(unsigned, Sleep, "sleep", (unsigned s), (s), SleepFor(s)) ...
//   LIMPET_SLEEP_HOOKS(LIMPET_PARKED_HOOK)
//   void BindSleepHooks() { LIMPET_SLEEP_HOOKS(LIMPET_BIND_HOOK) }
//
// A line is: result, our name, libc's, parameters, arguments, and the wait.
//
// Runs: target hot path (slow side).  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include "preload/export.h"
#include "preload/next_symbol.h"
#include "preload/parked_call.h"

// NOLINTBEGIN(bugprone-macro-parentheses): a type is no expression
#define LIMPET_PARKED_HOOK(result, name, symbol, parameters, arguments, wait) \
  static constinit NextFunction<result(*) parameters> g_next##name(symbol);   \
  extern "C" result Hook##name parameters LIMPET_EXPORT(symbol);              \
  extern "C" result Hook##name parameters {                                   \
    ParkedCall parked(wait, sys::CaptureCaller());                            \
    return g_next##name.get() arguments;                                      \
  }
// NOLINTEND(bugprone-macro-parentheses)

#define LIMPET_BIND_HOOK(result, name, ...) g_next##name.Bind();
