// One thread's stack for people, at 100 columns:
//
//       Account::Withdraw     src/account.cc:42
//       Transfer              src/bank.cc:12
//     created by main         src/main.cc:50, in thread 1
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "tools/profile/thread_dump.h"
#include "tools/render/simple_frames.h"

namespace limpet {

inline constexpr std::size_t kTextColumns = 100;

class StackColumns {
 public:
  StackColumns(const SimpleFrames& frames, const ListedThread& thread);

  // Lines; a deep stack's outer ones are counted.
  std::string Frames() const;
  // "  (seen from outside)": where the stack is from, if no hook took it, or why there is none.
  std::string Origin() const;
  // Without the line's end; empty: not known. `creator_number` 0: not known, or several.
  std::string Creator(std::uint32_t creator_number) const;
  // Who last let one go on that waited for the same, with the line's end; empty: nobody is known.
  std::string Waker() const;

 private:
  std::string Line(const std::string& prefix, const SimpleFrame& frame, std::size_t width) const;
  std::size_t NameWidth() const;

  const ListedThread& thread_;
  const std::vector<SimpleFrame> frames_;
  const std::optional<SimpleFrame> creator_;
  const std::optional<SimpleFrame> waker_;
  const std::size_t width_;
};

// "4-5 worker", "9 audit": in the order of their numbers.
std::vector<std::string> ThreadNames(std::vector<const ListedThread*> threads);

// As many of them as have `room`.
std::string JoinNames(const std::vector<std::string>& names, std::size_t room);

}  // namespace limpet
