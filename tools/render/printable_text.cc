#include "tools/render/printable_text.h"

#include <cstddef>
#include <cstdint>
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

// Of one sequence.
std::uint32_t CodePoint(std::string_view letter) {
  const auto first = static_cast<unsigned char>(letter[0]);
  std::uint32_t code = letter.size() == 1 ? first : first & (0x7FU >> letter.size());
  for (const char next : letter.substr(1)) {
    code = code << 6U | (static_cast<unsigned char>(next) & 0x3FU);
  }
  return code;
}

// What a terminal may obey, in both sets of control letters, and what changes the direction of a
// line or ends it.
bool IsControl(std::uint32_t code) {
  const auto is_of = [code](std::uint32_t first, std::uint32_t last) {
    return first <= code && code <= last;
  };
  return is_of(0, 0x1F) || is_of(0x7F, 0x9F) || code == 0x61C || is_of(0x200E, 0x200F) ||
         is_of(0x2028, 0x202E) || is_of(0x2066, 0x2069);
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
    line += IsControl(CodePoint(letter)) ? " " : letter;
    index += letter.size();
  }
  return line;
}

}  // namespace limpet
