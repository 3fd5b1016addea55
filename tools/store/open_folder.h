// A folder held open, so that what is removed is removed there and nowhere else: whoever may write
// beside it can put a link at its name between two calls.
//
// Runs: companion.  Threads: one at a time.  Allocates: yes.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace limpet {

class OpenFolder {
 public:
  // Nothing where there is no folder, where a link is, or where we may not look.
  static std::optional<OpenFolder> Open(const std::string& path);
  // Also through a link: a folder that a user named.
  static std::optional<OpenFolder> OpenNamed(const std::string& path);

  OpenFolder(OpenFolder&& other) noexcept;
  OpenFolder& operator=(OpenFolder&& other) = delete;
  ~OpenFolder();

  std::vector<std::string> Names() const;

  // Of the entry itself, never of what a link leads to.
  std::optional<struct stat> Facts(const std::string& name) const;

  // Target of a link; nothing when it is none.
  std::optional<std::string> Link(const std::string& name) const;

  // A file or link. True when it is gone, whoever removed it.
  bool Remove(const std::string& name) const;

  std::uint32_t owner_uid() const { return owner_uid_; }

 private:
  static std::optional<OpenFolder> OpenWith(const std::string& path, int flags);
  explicit OpenFolder(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
  std::uint32_t owner_uid_ = 0;
};

}  // namespace limpet
