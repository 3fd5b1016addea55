// A folder held open, so that what is written, read or removed in it is so there and nowhere else:
// whoever may write beside it can put a link at its name between two calls. Names are names of
// entries, without a slash; a link at one is never followed.
//
// Runs: companion.  Threads: one at a time.  Allocates: yes.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace limpet {

// Which folder it is, by whatever name, and whose: an inode that is free becomes another's.
struct FolderIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  uid_t owner_uid = 0;

  bool operator==(const FolderIdentity&) const = default;
};

class OpenFolder {
 public:
  // Nothing where there is no folder, where a link is, or where we may not look.
  static std::optional<OpenFolder> Open(const std::string& path);
  // Also through a link: a folder that a user named.
  static std::optional<OpenFolder> OpenNamed(const std::string& path);

  OpenFolder(OpenFolder&& other) noexcept;
  OpenFolder& operator=(OpenFolder&& other) = delete;
  ~OpenFolder();

  std::optional<OpenFolder> OpenInside(const std::string& name) const;

  // By which it was opened: for people, it may mean another folder by now.
  const std::string& path() const { return path_; }
  std::uint32_t owner_uid() const { return identity_.owner_uid; }
  const FolderIdentity& identity() const { return identity_; }
  int descriptor() const { return descriptor_; }
  bool IsWritable() const;

  std::vector<std::string> Names() const;

  // Of the entry itself, never of what a link leads to.
  std::optional<struct stat> Facts(const std::string& name) const;

  // Target of a link; nothing when it is none.
  std::optional<std::string> Link(const std::string& name) const;

  // A descriptor of the entry, or -1 and errno.
  int OpenFile(const std::string& name, int flags) const;

  // False and errno where it fails. What has the new name already is replaced.
  bool Rename(const std::string& from, const std::string& to) const;
  bool MakeLink(const std::string& name, const std::string& target) const;
  // True also where there is one.
  bool MakeFolder(const std::string& name) const;

  // A file or link. True when it is gone, whoever removed it.
  bool Remove(const std::string& name) const;
  void RemoveEmptyFolder(const std::string& name) const;

 private:
  static std::optional<OpenFolder> OpenWith(int base, const std::string& name, int flags,
                                            const std::string& path);
  OpenFolder(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}

  int descriptor_;
  std::string path_;
  FolderIdentity identity_;
};

}  // namespace limpet
