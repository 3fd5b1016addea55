// How many processes the memory cgroup of one process has lost to the OOM killer before that one
// died: evidence of why, not proof.
//
// The kernel counts before it kills, and then takes seconds to tear a large process down, which is
// looked at meanwhile: what counts is what was counted in the seconds before the last look. The
// cgroup is known only of the living, so a look remembers where the dead is to be asked for.
// Version 1 counts since Linux 4.13.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

namespace limpet {

class OomKills {
 public:
  // At a process that lives, or is about to end. `root` is "" but in tests.
  void Look(std::uint32_t pid, std::uint64_t now_ns, const std::string& root = "");

  // Since some seconds before the last look, or the first one.
  std::uint32_t Count() const;

 private:
  struct Seen {
    std::uint64_t since_ns;
    std::uint64_t kills;
  };

  void FollowCgroup(std::uint32_t pid, const std::string& root);

  std::string cgroup_;     // as /proc says
  std::string file_;       // that counts; empty: none
  std::deque<Seen> seen_;  // each count once, ascending; the first is that of some seconds ago
};

}  // namespace limpet
