// Texts as execve() wants them.
//
// Runs: tests.  Threads: any.  Allocates: yes.
#pragma once

#include <string>
#include <vector>

namespace limpet {

// Ended by nullptr; they live as long as `texts`.
inline std::vector<char*> PointersTo(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace limpet
