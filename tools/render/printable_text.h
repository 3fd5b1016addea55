// Names from foreign files made fit to be written: a symbol or path may hold any byte, and a
// terminal obeys some of them.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstddef>
#include <string>

namespace limpet {

// A line of text longer than 64 KiB stops Go's parsers; C++ names come near.
inline constexpr std::size_t kMaxLineTextBytes = 8192;

// What is no UTF-8 becomes U+FFFD. Readers of protobuf and JSON refuse anything else.
std::string ValidUtf8(const std::string& text);

// Also without control letters (line feeds, tabs, escapes, what turns the direction of a line), and
// cut at kMaxLineTextBytes.
std::string OneLine(const std::string& text);

// At most so many bytes from the front, no letter of UTF-8 cut through.
std::string FirstBytes(const std::string& text, std::size_t bytes);

}  // namespace limpet
