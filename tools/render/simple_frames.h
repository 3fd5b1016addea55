// Frames for people: simple names, without the start of the thread that every stack ends with.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/profile/profile.h"
#include "tools/profile/thread_dump.h"

namespace limpet {

// Texts are fit to be printed.
struct SimpleFrame {
  std::string name;
  std::string file;    // empty: unknown
  std::string module;  // the mapped file, empty: none
  std::int64_t line = 0;
  std::uint64_t offset = 0;  // of the return address in the function; 0: unknown, or inlined
};

class SimpleFrames {
 public:
  // `profile` must outlive it.
  explicit SimpleFrames(const Profile& profile);

  // Leaf first, inlined ones by themselves. Never empty where `locations` is not.
  std::vector<SimpleFrame> Of(const std::vector<std::uint32_t>& locations) const;

  // The program's own, and what it called in a library; all, where nothing is the program's.
  std::vector<SimpleFrame> ProgramOf(const std::vector<std::uint32_t>& locations) const;

  // The innermost function that is the program's, inlined or not.
  std::optional<SimpleFrame> InnermostOf(const std::vector<std::uint32_t>& locations) const;

 private:
  SimpleFrame FrameOf(const ProfileLocation& location, const ProfileLine& line) const;

  const Profile& profile_;
  std::vector<std::string> names_;  // for each function
  std::vector<std::string> files_;
};

}  // namespace limpet
