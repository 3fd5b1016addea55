// Reads the encodings of .eh_frame, checked against the end of what may be read.
//
// After the first read that leaves the range, ok() is false and every value is 0, so that a caller
// checks once at the end instead of after each field.
//
// `Memory` gives bytes of the process that is unwound:
//   template <class T> bool Read(std::uint64_t address, T* value) const;
//
// Source: LSB 5.0 Core, chapter 10 (DWARF extensions); DWARF 5, 7.6 (LEB128).
// Runs: target hot path (cold side) | companion.  Threads: one owner.  Allocates: never.
#pragma once

#include <cstdint>

namespace limpet {

// Pointer encodings of .eh_frame that exist on x86-64 Linux.
inline constexpr std::uint8_t kEncodingOmitted = 0xff;
inline constexpr std::uint8_t kEncodingIndirect = 0x80;
inline constexpr std::uint8_t kEncodingPcRelative = 0x10;
inline constexpr std::uint8_t kEncodingDataRelative = 0x30;
inline constexpr std::uint8_t kEncodingSorted = kEncodingDataRelative | 0x0b;  // signed, 4 bytes

template <class Memory>
class DwarfCursor {
 public:
  DwarfCursor(const Memory& memory, std::uint64_t address) : memory_(memory), address_(address) {}

  std::uint64_t address() const { return address_; }
  bool ok() const { return ok_; }
  void Skip(std::uint64_t bytes) { address_ += bytes; }

  template <class T>
  T Take() {
    T value = 0;
    if (!ok_ || !memory_.Read(address_, &value)) ok_ = false;
    if (!ok_) return 0;
    address_ += sizeof(T);
    return value;
  }

  std::uint64_t TakeUleb128() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      auto byte = Take<std::uint8_t>();
      if (shift < 64) value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    ok_ = false;
    return 0;
  }

  std::int64_t TakeSleb128() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      auto byte = Take<std::uint8_t>();
      if (shift < 64) value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) != 0) continue;
      bool extends_sign = (byte & 0x40) != 0 && shift + 7 < 64;
      return static_cast<std::int64_t>(extends_sign ? value | ~std::uint64_t{0} << (shift + 7)
                                                    : value);
    }
    ok_ = false;
    return 0;
  }

  // A value in the low four bits' format, without base or indirection.
  std::uint64_t TakeValue(std::uint8_t encoding) {
    switch (encoding & 0x0f) {
      case 0x00:
        return Take<std::uint64_t>();
      case 0x01:
        return TakeUleb128();
      case 0x02:
        return Take<std::uint16_t>();
      case 0x03:
        return Take<std::uint32_t>();
      case 0x04:
        return Take<std::uint64_t>();
      case 0x09:
        return static_cast<std::uint64_t>(TakeSleb128());
      case 0x0a:
        return static_cast<std::uint64_t>(std::int64_t{Take<std::int16_t>()});
      case 0x0b:
        return static_cast<std::uint64_t>(std::int64_t{Take<std::int32_t>()});
      case 0x0c:
        return Take<std::uint64_t>();
      default:
        ok_ = false;
        return 0;
    }
  }

  // An address: absolute, or relative to where it stands.
  std::uint64_t TakeAddress(std::uint8_t encoding) {
    std::uint64_t base = 0;
    if ((encoding & 0x70) == kEncodingPcRelative)
      base = address_;
    else if ((encoding & 0x70) != 0)
      ok_ = false;
    if ((encoding & kEncodingIndirect) != 0) ok_ = false;
    return base + TakeValue(encoding);
  }

 private:
  const Memory& memory_;
  std::uint64_t address_;
  bool ok_ = true;
};

}  // namespace limpet
