#include "tools/render/printable_text.h"

#include <cstddef>

namespace limpet {
namespace {

// Length of the UTF-8 sequence that begins at `index`, 0 where none does.
std::size_t SequenceBytes(const std::string& text, std::size_t index) {
  const auto byte = [&text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char first = byte(index);
  const std::size_t bytes = first < 0x80                    ? 1
                            : first >= 0xC2 && first < 0xE0 ? 2
                            : first >= 0xE0 && first < 0xF0 ? 3
                            : first >= 0xF0 && first < 0xF5 ? 4
                                                            : 0;
  if (bytes == 0 || bytes > text.size() - index) return 0;
  for (std::size_t next = 1; next < bytes; ++next) {
    if ((byte(index + next) & 0xC0) != 0x80) return 0;
  }
  const unsigned char second = bytes > 1 ? byte(index + 1) : 0;
  const bool is_overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool is_beyond = (first == 0xED && second >= 0xA0) || (first == 0xF4 && second >= 0x90);
  return is_overlong || is_beyond ? 0 : bytes;
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
