#include "tools/launch/preload_library.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace limpet {
namespace {

namespace fs = std::filesystem;

// Relative to the folder of `limpet`: build/tools, then PREFIX/bin.
constexpr const char* kPlaces[] = {
    "../preload/liblimpet.so",
    "../lib/limpet/liblimpet.so",
    "../lib/x86_64-linux-gnu/limpet/liblimpet.so",
};

constexpr const char* kLibraryFolders[] = {
    "/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib64",
    "/usr/lib",
};

bool IsFile(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

// The loader splits LD_PRELOAD at blanks and colons, and knows no quoting.
absl::StatusOr<std::string> CheckPreloadable(const std::string& path) {
  if (path.find_first_of(" :") != std::string::npos) {
    return absl::FailedPreconditionError(absl::StrCat(
        "'", path, "' cannot be preloaded: its path has a blank or colon; install it elsewhere"));
  }
  return path;
}

}  // namespace

std::string OwnExecutable() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).string();
}

absl::StatusOr<std::string> FindPreloadLibrary(const std::string& executable,
                                               const std::string& chosen) {
  if (!chosen.empty()) {
    if (!IsFile(chosen)) {
      return absl::NotFoundError(absl::StrCat("LIMPET_LIBRARY='", chosen, "' is not a file"));
    }
    return CheckPreloadable(fs::absolute(chosen).lexically_normal());
  }
  const fs::path folder = fs::path(executable).parent_path();
  for (const char* place : kPlaces) {
    const fs::path library = (folder / place).lexically_normal();
    if (IsFile(library)) return CheckPreloadable(library);
  }
  return absl::NotFoundError(absl::StrCat("liblimpet.so is not where ", executable,
                                          " looks for it (", absl::StrJoin(kPlaces, ", "),
                                          "); LIMPET_LIBRARY=PATH names it"));
}

absl::StatusOr<std::string> FindAllocatorLibrary(const std::string& allocator) {
  if (allocator != "jemalloc") {
    return absl::InvalidArgumentError(
        absl::StrCat("--allocator ", allocator, ": only 'jemalloc' is known"));
  }
  for (const char* folder : kLibraryFolders) {
    const fs::path library = fs::path(folder) / "libjemalloc.so.2";
    if (IsFile(library)) return library.string();
  }
  return absl::NotFoundError(
      "--allocator jemalloc: there is no libjemalloc.so.2; `apt-get install libjemalloc2` brings "
      "it");
}

}  // namespace limpet
