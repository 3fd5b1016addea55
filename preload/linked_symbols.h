// Which of the objects behind ours defines a name, read from their own tables: the loader is not
// asked, because it is not done yet.
//
//   link map:  program -> ... -> liblimpet.so -> libstdc++.so.6 (_Znwm) -> libc.so.6 (malloc)
//
// Runs: target startup.  Threads: one.  Allocates: never.
#pragma once

#include <link.h>

namespace limpet {

// The first behind our library, in the order that the loader searches; nullptr: none, or our
// library is not in the program's own namespace.
const link_map* DefinerBehind(const char* name);

// One library has both names: who wraps one without the other, for a count of its own, would miss
// what goes by the other.
bool HaveOneDefinerBehind(const char* name, const char* other);

bool Defines(const link_map& object, const char* name);

}  // namespace limpet
