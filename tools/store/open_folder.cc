#include "tools/store/open_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace limpet {

std::optional<OpenFolder> OpenFolder::OpenWith(const std::string& path, int flags) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
  if (descriptor < 0) return std::nullopt;
  OpenFolder folder(descriptor);
  struct stat facts = {};
  if (fstat(descriptor, &facts) != 0) return std::nullopt;
  folder.owner_uid_ = facts.st_uid;
  return folder;
}

std::optional<OpenFolder> OpenFolder::Open(const std::string& path) {
  return OpenWith(path, O_NOFOLLOW);
}

std::optional<OpenFolder> OpenFolder::OpenNamed(const std::string& path) {
  return OpenWith(path, 0);
}

OpenFolder::OpenFolder(OpenFolder&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), owner_uid_(other.owner_uid_) {}

OpenFolder::~OpenFolder() {
  if (descriptor_ >= 0) close(descriptor_);
}

std::vector<std::string> OpenFolder::Names() const {
  std::vector<std::string> names;
  // A stream of its own: it would otherwise go on where the last one ended, and close ours.
  const int own = openat(descriptor_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (own < 0) return names;
  DIR* const stream = fdopendir(own);
  if (stream == nullptr) {
    close(own);
    return names;
  }
  while (const dirent* const entry = readdir(stream)) names.emplace_back(entry->d_name);
  closedir(stream);
  return names;
}

std::optional<struct stat> OpenFolder::Facts(const std::string& name) const {
  struct stat facts = {};
  if (fstatat(descriptor_, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  return facts;
}

std::optional<std::string> OpenFolder::Link(const std::string& name) const {
  char target[PATH_MAX];
  const ssize_t bytes = readlinkat(descriptor_, name.c_str(), target, sizeof(target));
  if (bytes < 0) return std::nullopt;
  return std::string(target, static_cast<std::size_t>(bytes));
}

bool OpenFolder::Remove(const std::string& name) const {
  return unlinkat(descriptor_, name.c_str(), 0) == 0 || errno == ENOENT;
}

}  // namespace limpet
