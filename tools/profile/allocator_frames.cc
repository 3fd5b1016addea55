#include "tools/profile/allocator_frames.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"

namespace limpet {
namespace {

constexpr const char* kAllocatorNames[] = {
    "malloc",           "calloc",        "realloc",        "reallocarray",
    "memalign",         "aligned_alloc", "posix_memalign", "valloc",
    "pvalloc",          "__libc_malloc", "__libc_calloc",  "__libc_realloc",
    "__libc_memalign",  "__libc_valloc", "__libc_pvalloc", "__GI___libc_malloc",
    "__posix_memalign", "mmap",          "mmap64",         "__mmap",
    "__mmap64",         "__GI___mmap64", "mremap",         "__mremap"};

bool IsAllocatorName(std::string_view name) {
  if (name.starts_with("operator new(") || name.starts_with("operator new[](")) return true;
  if (name == "operator new" || name == "operator new[]") return true;
  return std::find(std::begin(kAllocatorNames), std::end(kAllocatorNames), name) !=
         std::end(kAllocatorNames);
}

}  // namespace

bool IsTracerFrame(const NamedFrame& frame, const SegmentSnapshot& snapshot) {
  return frame.module != 0 &&
         absl::StartsWith(BaseName(snapshot.modules[frame.module].path), "liblimpet.so");
}

bool IsAllocatorFrame(const NamedFrame& frame) {
  // The physical function: one that is inlined into the program's own is the program's.
  return IsAllocatorName(frame.sources.back().name);
}

std::string AllocatorFramesPattern() {
  return absl::StrJoin(kAllocatorNames, "|") + R"(|operator new(\[\])?)";
}

}  // namespace limpet
