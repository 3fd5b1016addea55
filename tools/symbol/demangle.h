// Turns a linker's name into the one its author wrote: C++ (Itanium), Rust (legacy and v0).
//
//   _ZN3foo3barEi                       foo::bar(int)
//   _ZN4core3fmt5Write9write_fmt17h...E core::fmt::Write::write_fmt
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <string>

namespace limpet {

// Whether `name` is of one of the schemes above, judged by its prefix.
bool IsMangled(const std::string& name);

// The full name with parameters; `name` itself if it is not mangled, broken, or absurdly long.
std::string Demangle(const std::string& name);

}  // namespace limpet
