// Reads forward through bytes which may be anything: past the end it only reports failure.
//
// Runs: companion.  Threads: any, one object each.  Allocates: never.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace limpet {

class ByteReader {
 public:
  explicit ByteReader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  std::size_t position() const { return position_; }
  std::size_t left() const { return bytes_.size() - position_; }

  bool Skip(std::uint64_t count) {
    if (count > left()) return false;
    position_ += static_cast<std::size_t>(count);
    return true;
  }

  bool ReadLeb(std::uint64_t& value) {
    value = 0;
    for (unsigned int shift = 0; position_ < bytes_.size(); shift += 7) {
      const std::uint8_t byte = bytes_[position_++];
      if (shift < 64) value |= std::uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  bool ReadSignedLeb(std::int64_t& value) {
    const std::size_t begin = position_;
    std::uint64_t bits = 0;
    if (!ReadLeb(bits)) return false;
    const std::size_t width = (position_ - begin) * 7;
    const bool is_negative = (bytes_[position_ - 1] & 0x40U) != 0;
    if (is_negative && width < 64) bits |= ~std::uint64_t{0} << width;
    value = static_cast<std::int64_t>(bits);
    return true;
  }

  // Little endian, as all that limpet traces; of at most 8 bytes.
  bool ReadNumber(std::size_t size, std::uint64_t& value) {
    const std::size_t begin = position_;
    if (!Skip(size)) return false;
    value = 0;
    std::memcpy(&value, bytes_.data() + begin, size);
    return true;
  }

  bool ReadByte(std::uint8_t& byte) {
    if (left() == 0) return false;
    byte = bytes_[position_++];
    return true;
  }

  bool ReadString(std::string_view& text) {
    const auto* begin = reinterpret_cast<const char*>(bytes_.data() + position_);
    const void* end = left() == 0 ? nullptr : std::memchr(begin, 0, left());
    if (end == nullptr) return false;
    text = {begin, static_cast<std::size_t>(static_cast<const char*>(end) - begin)};
    position_ += text.size() + 1;
    return true;
  }

  bool SkipString() {
    std::string_view text;
    return ReadString(text);
  }

  // Takes `size` bytes out, for a reader of their own.
  bool ReadPart(std::uint64_t size, ByteReader& part) {
    const std::size_t begin = position_;
    if (!Skip(size)) return false;
    part = ByteReader(bytes_.subspan(begin, static_cast<std::size_t>(size)));
    return true;
  }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t position_ = 0;
};

}  // namespace limpet
