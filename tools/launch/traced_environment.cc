#include "tools/launch/traced_environment.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace limpet {
namespace {

constexpr absl::string_view kPreload = "LD_PRELOAD";

// Keeps the order of what is there; a library that is asked for again moves to our place.
std::string PreloadList(absl::string_view before, const TraceRequest& request) {
  std::vector<std::string> libraries = {request.library};
  for (absl::string_view library :
       absl::StrSplit(before, absl::ByAnyChar(": "), absl::SkipEmpty())) {
    if (library != request.library && library != request.allocator_library) {
      libraries.emplace_back(library);
    }
  }
  if (!request.allocator_library.empty()) libraries.push_back(request.allocator_library);
  return absl::StrJoin(libraries, ":");
}

}  // namespace

std::vector<std::string> TracedEnvironment(const char* const* environment,
                                           const TraceRequest& request) {
  std::vector<std::string> traced;
  absl::string_view preload_before;
  for (; *environment != nullptr; ++environment) {
    const absl::string_view entry = *environment;
    const absl::string_view name = entry.substr(0, entry.find('='));
    if (name == kPreload) {
      preload_before = entry.substr(std::min(name.size() + 1, entry.size()));
    } else if (!request.settings.contains(std::string(name))) {
      traced.emplace_back(entry);
    }
  }
  traced.push_back(absl::StrCat(kPreload, "=", PreloadList(preload_before, request)));
  for (const auto& [name, value] : request.settings) {
    traced.push_back(absl::StrCat(name, "=", value));
  }
  return traced;
}

}  // namespace limpet
