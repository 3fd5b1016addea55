#include "tools/symbol/debug_file.h"

#include <elfutils/libdwelf.h>
#include <zlib.h>

#include <algorithm>
#include <cctype>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "tools/symbol/xz_unpack.h"

namespace limpet {
namespace {

using ImageOr = absl::StatusOr<std::unique_ptr<ElfImage>>;

std::string DirectoryOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

ImageOr OpenWithBuildId(const std::string& path, const std::string& root,
                        const std::string& build_id) {
  ImageOr image = ElfImage::Open(path, root);
  if (image.ok() && (*image)->build_id() != build_id) {
    return absl::NotFoundError(path + ": of another build");
  }
  return image;
}

ImageOr OpenWithChecksum(const std::string& path, const std::string& root, std::uint32_t checksum) {
  ImageOr image = ElfImage::Open(path, root);
  if (!image.ok()) return image;
  const std::span<const char> bytes = (*image)->bytes();
  const auto found = crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  if (found != checksum) return absl::NotFoundError(path + ": of another build");
  return image;
}

// The roots to try for files in the debug directory: a container seldom brings its own.
std::vector<std::string> RootsOf(const DebugPlace& place) {
  if (place.root.empty()) return {""};
  return {place.root, ""};
}

ImageOr FollowDebugLink(const ElfImage& image, const DebugPlace& place) {
  GElf_Word checksum = 0;
  const char* link = dwelf_elf_gnu_debuglink(image.elf(), &checksum);
  if (link == nullptr) return absl::NotFoundError(image.path() + ": no separate debug file");
  const std::string directory = DirectoryOf(image.path());
  const std::string name = absl::StrCat("/", link);
  for (const std::string& path :
       {absl::StrCat(directory, name), absl::StrCat(directory, "/.debug", name)}) {
    ImageOr found = OpenWithChecksum(path, place.root, checksum);
    if (found.ok()) return found;
  }
  for (const std::string& root : RootsOf(place)) {
    ImageOr found =
        OpenWithChecksum(absl::StrCat(place.directory, directory, name), root, checksum);
    if (found.ok()) return found;
  }
  return absl::NotFoundError(image.path() + ": no separate debug file");
}

}  // namespace

ImageOr FindDebugFile(const std::string& build_id, const DebugPlace& place) {
  // The id came from a file: as a part of a path it must not be able to say "..".
  const bool is_hex = std::all_of(build_id.begin(), build_id.end(),
                                  [](unsigned char digit) { return std::isxdigit(digit) != 0; });
  if (build_id.size() <= 2 || !is_hex) return absl::NotFoundError("no build id");
  const std::string path =
      place.directory + "/.build-id/" + build_id.substr(0, 2) + "/" + build_id.substr(2) + ".debug";
  for (const std::string& root : RootsOf(place)) {
    ImageOr found = OpenWithBuildId(path, root, build_id);
    if (found.ok()) return found;
  }
  return absl::NotFoundError("no debug file of build id " + build_id);
}

ImageOr FindDebugFile(const ElfImage& image, const DebugPlace& place) {
  ImageOr found = FindDebugFile(image.build_id(), place);
  return found.ok() ? std::move(found) : FollowDebugLink(image, place);
}

ImageOr UnpackMiniDebugInfo(const ElfImage& image) {
  const Elf_Data* packed = image.FindSection(".gnu_debugdata");
  if (packed == nullptr) return absl::NotFoundError(image.path() + ": no .gnu_debugdata");
  const std::span bytes(static_cast<const char*>(packed->d_buf), packed->d_size);
  absl::StatusOr<std::vector<char>> unpacked = UnpackXz(bytes);
  if (!unpacked.ok()) return unpacked.status();
  return ElfImage::FromBytes(*std::move(unpacked), image.path() + " .gnu_debugdata");
}

ImageOr FindSharedDebugFile(const ElfImage& debug, const std::string& path,
                            const std::string& build_id, const DebugPlace& place) {
  const bool is_absolute = path.starts_with('/');
  const std::string full = is_absolute ? path : DirectoryOf(debug.path()) + "/" + path;
  for (const std::string& root : RootsOf(place)) {
    ImageOr found = OpenWithBuildId(full, root, build_id);
    if (found.ok()) return found;
  }
  return FindDebugFile(build_id, place);
}

}  // namespace limpet
