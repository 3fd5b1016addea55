#include "tools/symbol/demangle.h"

// libiberty declares basename() against the libc's unless told that there is one.
#define HAVE_DECL_BASENAME 1
#include <libiberty/demangle.h>

#include <cstdlib>
#include <memory>

namespace limpet {
namespace {

// Real names reach some 100 KB in template libraries, but nobody reads those, and a name of a
// hostile file may grow exponentially when written out.
constexpr std::size_t kMaxMangledSize = 16 * 1024;

}  // namespace

bool IsMangled(const std::string& name) {
  return name.starts_with("_Z") || name.starts_with("_R") || name.starts_with("__Z");
}

std::string Demangle(const std::string& name) {
  if (name.size() > kMaxMangledSize) return name;
  const std::unique_ptr<char, decltype(&std::free)> plain(
      cplus_demangle(name.c_str(), DMGL_AUTO | DMGL_PARAMS | DMGL_ANSI), &std::free);
  return plain == nullptr ? name : plain.get();
}

}  // namespace limpet
