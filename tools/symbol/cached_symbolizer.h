// Remembers the answers of another symbolizer: fifty workers of one program cost little more than
// one of them.
//
// Texts are kept once, since thousands of frames of a C++ program share some long names. It does
// not pass Forget() on: the next process asks the same files.
//
// Runs: companion.  Threads: one at a time.  Allocates: yes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "tools/symbol/symbolizer.h"

namespace limpet {

class CachedSymbolizer : public Symbolizer {
 public:
  // `symbolizer` must outlive this one.
  explicit CachedSymbolizer(Symbolizer& symbolizer) : symbolizer_(symbolizer) {}

  std::vector<SourceFrame> Resolve(const ModuleFile& module, std::uint64_t file_address) override;

 private:
  // A SourceFrame by the texts below.
  struct KeptFrame {
    const std::string* name;
    const std::string* system_name;
    const std::string* file;
    int line;
    int start_line;
    std::uint64_t entry;
  };
  using KeptAddresses = std::unordered_map<std::uint64_t, std::vector<KeptFrame>>;

  const std::string* Keep(const std::string& text) { return &*texts_.insert(text).first; }
  void Keep(const std::vector<SourceFrame>& frames, std::vector<KeptFrame>& kept);

  Symbolizer& symbolizer_;
  std::unordered_set<std::string> texts_;  // its elements stay where they are
  std::map<std::pair<std::string, std::string>, KeptAddresses> modules_;
};

}  // namespace limpet
