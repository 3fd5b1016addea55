#include "tools/store/open_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

namespace limpet {

std::optional<OpenFolder> OpenFolder::OpenWith(int base, const std::string& name, int flags,
                                               const std::string& path) {
  const int descriptor = openat(base, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
  if (descriptor < 0) return std::nullopt;
  OpenFolder folder(descriptor, path);
  struct stat facts = {};
  if (fstat(descriptor, &facts) != 0) return std::nullopt;
  folder.identity_ = {facts.st_dev, facts.st_ino, facts.st_uid};
  return folder;
}

std::optional<OpenFolder> OpenFolder::Open(const std::string& path) {
  return OpenWith(AT_FDCWD, path, O_NOFOLLOW, path);
}

std::optional<OpenFolder> OpenFolder::OpenNamed(const std::string& path) {
  return OpenWith(AT_FDCWD, path, 0, path);
}

std::optional<OpenFolder> OpenFolder::OpenInside(const std::string& name) const {
  return OpenWith(descriptor_, name, O_NOFOLLOW, path_ + "/" + name);
}

OpenFolder::OpenFolder(OpenFolder&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      path_(std::move(other.path_)),
      identity_(other.identity_) {}

OpenFolder::~OpenFolder() {
  if (descriptor_ >= 0) close(descriptor_);
}

bool OpenFolder::IsWritable() const { return faccessat(descriptor_, ".", W_OK, 0) == 0; }

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

int OpenFolder::OpenFile(const std::string& name, int flags) const {
  constexpr mode_t kMode = 0666;  // less the umask
  return openat(descriptor_, name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, kMode);
}

bool OpenFolder::Rename(const std::string& from, const std::string& to) const {
  return renameat(descriptor_, from.c_str(), descriptor_, to.c_str()) == 0;
}

bool OpenFolder::MakeLink(const std::string& name, const std::string& target) const {
  return symlinkat(target.c_str(), descriptor_, name.c_str()) == 0;
}

bool OpenFolder::MakeFolder(const std::string& name) const {
  return mkdirat(descriptor_, name.c_str(), 0777) == 0 || errno == EEXIST;
}

void OpenFolder::RemoveEmptyFolder(const std::string& name) const {
  unlinkat(descriptor_, name.c_str(), AT_REMOVEDIR);
}

bool OpenFolder::Remove(const std::string& name) const {
  return unlinkat(descriptor_, name.c_str(), 0) == 0 || errno == ENOENT;
}

}  // namespace limpet
