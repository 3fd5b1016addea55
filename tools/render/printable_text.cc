#include "tools/render/printable_text.h"

#include <cstddef>

namespace limpet {
namespace {

// Length of the sequence that a first byte announces, 0: it begins none.
std::size_t AnnouncedBytes(unsigned char first) {
  if (first < 0x80) return 1;
  if (first < 0xC2) return 0;
  if (first < 0xE0) return 2;
  if (first < 0xF0) return 3;
  return first < 0xF5 ? 4 : 0;
}

// Overlong forms, surrogates, and what lies beyond the last code point.
bool IsForbidden(unsigned char first, unsigned char second) {
  switch (first) {
    case 0xE0:
      return second < 0xA0;
    case 0xED:
      return second >= 0xA0;
    case 0xF0:
      return second < 0x90;
    case 0xF4:
      return second >= 0x90;
    default:
      return false;
  }
}

// Length of the UTF-8 sequence that begins at `index`, 0 where none does.
std::size_t SequenceBytes(const std::string& text, std::size_t index) {
  const auto byte = [&text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const std::size_t bytes = AnnouncedBytes(byte(index));
  if (bytes == 0 || bytes > text.size() - index) return 0;
  for (std::size_t next = 1; next < bytes; ++next) {
    if ((byte(index + next) & 0xC0) != 0x80) return 0;
  }
  return bytes > 1 && IsForbidden(byte(index), byte(index + 1)) ? 0 : bytes;
}

}  // namespace

std::string ValidUtf8(const std::string& text) {
  std::string valid;
  valid.reserve(text.size());
  for (std::size_t index = 0; index < text.size();) {
    const std::size_t bytes = SequenceBytes(text, index);
    if (bytes == 0) {
      valid += "\xEF\xBF\xBD";  // U+FFFD, the replacement character
      ++index;
    } else {
      valid.append(text, index, bytes);
      index += bytes;
    }
  }
  return valid;
}

std::string OneLine(const std::string& text) {
  std::string line = ValidUtf8(text.substr(0, kMaxLineTextBytes));
  for (char& letter : line) {
    const auto byte = static_cast<unsigned char>(letter);
    if (byte < 0x20 || byte == 0x7F) letter = ' ';
  }
  return line;
}

}  // namespace limpet
