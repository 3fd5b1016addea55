// How many processes the memory cgroup of one process has lost to the OOM killer while it was
// looked at: evidence of why that process died, not proof.
//
// The kernel counts before it kills. Its cgroup is known only while it lives, so a look at the
// living remembers where the dead is to be asked for. Version 1 counts since Linux 4.13.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace limpet {

class OomKills {
 public:
  // At a process that lives. `root` is "" but in tests.
  void Look(std::uint32_t pid, const std::string& root = "");

  // Since the last look.
  std::uint32_t Count() const;

 private:
  std::string cgroup_;  // as /proc says
  std::string file_;    // that counts; empty: none
  std::optional<std::uint64_t> seen_;
};

}  // namespace limpet
