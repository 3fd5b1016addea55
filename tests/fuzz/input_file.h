// A file in memory that holds one input at a time, for code whose only door is a path.
//
// Runs: fuzzer.  Threads: one.  Allocates: yes.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace limpet {

class InputFile {
 public:
  explicit InputFile(const std::string& suffix)
      : path_("/dev/shm/limpet-fuzz-" + std::to_string(getpid()) + suffix) {}
  ~InputFile() { unlink(path_.c_str()); }

  void Write(const std::uint8_t* bytes, std::size_t count) const {
    const int file = open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || write(file, bytes, count) != static_cast<ssize_t>(count)) abort();
    close(file);
  }

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace limpet
