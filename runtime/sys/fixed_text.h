// Text in a fixed buffer: what the target uses for paths and messages, where it must not allocate.
//
// Text that does not fit is cut and IsCut() says so; the buffer always ends with NUL.
//
// Runs: target startup.  Threads: one owner.  Allocates: never.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace limpet::sys {

template <std::size_t kBytes>
class FixedText {
 public:
  FixedText& Append(const char* text) { return Append(text, strlen(text)); }

  FixedText& Append(const char* text, std::size_t bytes) {
    std::size_t room = kBytes - 1 - size_;
    if (bytes > room) is_cut_ = true;
    std::size_t copied = bytes > room ? room : bytes;
    memcpy(buffer_ + size_, text, copied);
    size_ += copied;
    buffer_[size_] = '\0';
    return *this;
  }

  FixedText& AppendNumber(std::uint64_t value) {
    char digits[20];
    std::size_t first = sizeof(digits);
    do {
      digits[--first] = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value != 0);
    return Append(digits + first, sizeof(digits) - first);
  }

  const char* c_str() const { return buffer_; }
  std::size_t size() const { return size_; }
  bool IsCut() const { return is_cut_; }
  void Clear() {
    size_ = 0;
    is_cut_ = false;
    buffer_[0] = '\0';
  }

 private:
  char buffer_[kBytes] = {};
  std::size_t size_ = 0;
  bool is_cut_ = false;
};

}  // namespace limpet::sys
