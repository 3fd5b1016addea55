#include "tools/render/printable_text.h"

#include <cstddef>
#include <string_view>

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

// What a terminal may obey or turn around, of valid UTF-8: the second set of control letters
// (U+0080 to U+009F), and what changes the direction of a line or ends it.
bool IsControl(std::string_view letter) {
  const auto byte = [letter](std::size_t at) { return static_cast<unsigned char>(letter[at]); };
  if (letter.size() == 1) return byte(0) < 0x20 || byte(0) == 0x7F;
  if (letter.size() == 2) {
    return (byte(0) == 0xC2 && byte(1) < 0xA0) || letter == "\u061C";
  }
  if (letter.size() != 3 || byte(0) != 0xE2) return false;
  const bool is_mark = letter == "\u200E" || letter == "\u200F";
  const bool is_line_or_embedding = letter >= "\u2028" && letter <= "\u202E";
  return is_mark || is_line_or_embedding || (letter >= "\u2066" && letter <= "\u2069");
}

// Where a letter of at most `bytes` bytes in front of them ends.
std::size_t LetterEnd(const std::string& text, std::size_t bytes) {
  std::size_t end = bytes;
  while (end > 0 && bytes - end < 4 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    --end;
  return SequenceBytes(text, end) > 1 ? end : bytes;
}

}  // namespace

std::string FirstBytes(const std::string& text, std::size_t bytes) {
  return bytes >= text.size() ? text : text.substr(0, LetterEnd(text, bytes));
}

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
  const std::string valid = ValidUtf8(FirstBytes(text, kMaxLineTextBytes));
  std::string line;
  line.reserve(valid.size());
  for (std::size_t index = 0; index < valid.size();) {
    const std::string_view letter(&valid[index], SequenceBytes(valid, index));
    line += IsControl(letter) ? " " : letter;
    index += letter.size();
  }
  return line;
}

}  // namespace limpet
