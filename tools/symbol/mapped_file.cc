#include "tools/symbol/mapped_file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "absl/status/status.h"

namespace limpet {
namespace {

// O_NONBLOCK: opening a FIFO must not wait for its writer. It changes nothing for regular files.
constexpr int kOpenFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

std::uint64_t Nanoseconds(const timespec& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(time.tv_nsec);
}

// Closes at the end of the scope and keeps errno, which still has to be reported then.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    const int error = errno;
    if (fd_ >= 0) close(fd_);
    errno = error;
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

// RESOLVE_IN_ROOT keeps symlinks of the container inside the container. Without openat2 (before
// Linux 5.6, or forbidden by seccomp) plain concatenation follows absolute links in our own root,
// where the build id check catches a wrong file.
int OpenUnderRoot(const std::string& path, const std::string& root) {
  if (root.empty()) return open(path.c_str(), kOpenFlags);
  const Descriptor directory(open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0) return -1;
  open_how how = {};
  how.flags = static_cast<unsigned>(kOpenFlags);
  how.resolve = RESOLVE_IN_ROOT;
  const long fd = syscall(SYS_openat2, directory.get(), path.c_str(), &how, sizeof(how));
  if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) return static_cast<int>(fd);
  return open((root + "/" + path).c_str(), kOpenFlags);
}

}  // namespace

absl::StatusOr<MappedFile> MappedFile::Open(const std::string& path, const std::string& root) {
  const Descriptor file(OpenUnderRoot(path, root));
  struct stat status = {};
  if (file.get() < 0 || fstat(file.get(), &status) != 0) {
    return absl::ErrnoToStatus(errno, root + path);
  }
  if (!S_ISREG(status.st_mode)) {
    return absl::InvalidArgumentError(root + path + ": not a regular file");
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return absl::InvalidArgumentError(root + path + ": empty");
  void* begin =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file.get(), 0);
  if (begin == MAP_FAILED) return absl::ErrnoToStatus(errno, root + path);
  return MappedFile(std::span(static_cast<char*>(begin), size), Nanoseconds(status.st_ctim));
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) munmap(bytes_.data(), bytes_.size());
}

void MappedFile::Drop(std::span<const char> part) const {
  const auto begin = reinterpret_cast<std::uintptr_t>(part.data());
  const auto whole = reinterpret_cast<std::uintptr_t>(bytes_.data());
  if (begin < whole || begin + part.size() > whole + bytes_.size()) return;
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const std::uintptr_t first = (begin + page - 1) / page * page;
  const std::uintptr_t last = (begin + part.size()) / page * page;
  if (first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

}  // namespace limpet
