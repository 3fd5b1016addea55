// Memory of a living process, read without stopping it and by whole pages, each once.
//
// A thread that is blocked does not change its stack, and code does not change at all; of anything
// else a reader must expect an old value. Reading asks for the right to trace (README, "Rights").
//
// Runs: companion.  Threads: one.  Allocates: 4 KiB a page, bounded.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace limpet {

class RemoteMemory {
 public:
  explicit RemoteMemory(std::uint32_t pid) : pid_(pid) {}

  // All of it, or false.
  bool Read(std::uint64_t address, void* bytes, std::size_t count);

  template <typename Value>
  bool ReadValue(std::uint64_t address, Value& value) {
    return Read(address, &value, sizeof(value));
  }

  // What was read so far may have changed.
  void Forget() { pages_.clear(); }

 private:
  static constexpr std::size_t kPageBytes = 4096;
  struct Page {
    bool is_readable = false;
    std::array<char, kPageBytes> bytes;
  };

  const Page& PageAt(std::uint64_t address);

  std::uint32_t pid_;
  std::unordered_map<std::uint64_t, Page> pages_;
};

}  // namespace limpet
