#include "tools/symbol/demangle.h"

// libiberty declares basename() against the libc's unless told that there is one.
#define HAVE_DECL_BASENAME 1
#include <libiberty/demangle.h>

#include <csetjmp>
#include <utility>

namespace limpet {
namespace {

constexpr std::size_t kMaxMangledSize = 16UL * 1024;
constexpr std::size_t kMaxPlainSize = 64UL * 1024;
constexpr int kStyle = DMGL_PARAMS | DMGL_ANSI;

using Demangler = int (*)(const char*, int, demangle_callbackref, void*);

// A mangled name refers back to parts of itself, so that 300 characters can stand for 2^60.
// libiberty has no way to be told to stop but not to return to it: what it holds by then lies on
// the stack.
struct BoundedText {
  std::string text;
  std::jmp_buf too_long;

  static void Append(const char* piece, std::size_t size, void* self) {
    auto& bounded = *static_cast<BoundedText*>(self);
    // NOLINTNEXTLINE(cert-err52-cpp): an exception cannot pass C code that has no unwind tables
    if (bounded.text.size() + size > kMaxPlainSize) std::longjmp(bounded.too_long, 1);
    bounded.text.append(piece, size);
  }
};

// Empty: not of this scheme, or too long.
std::string DemangleWith(Demangler demangler, const std::string& name) {
  BoundedText bounded;
  if (setjmp(bounded.too_long) != 0) return "";  // NOLINT(cert-err52-cpp): see above
  if (demangler(name.c_str(), kStyle, &BoundedText::Append, &bounded) == 0) return "";
  return std::move(bounded.text);
}

}  // namespace

bool IsMangled(const std::string& name) {
  return name.starts_with("_Z") || name.starts_with("_R") || name.starts_with("__Z");
}

std::string Demangle(const std::string& name) {
  if (name.size() > kMaxMangledSize) return name;
  // Rust first: its old scheme is valid C++ but for a hash that nobody wants to read.
  for (const Demangler demangler : {&rust_demangle_callback, &cplus_demangle_v3_callback}) {
    std::string plain = DemangleWith(demangler, name);
    if (!plain.empty()) return plain;
  }
  return name;
}

}  // namespace limpet
