// Names the addresses that a test told it, and counts how often it is asked.
//
// Runs: tests.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tools/symbol/symbolizer.h"

namespace limpet {

class FakeSymbolizer : public Symbolizer {
 public:
  std::vector<SourceFrame> Resolve(const ModuleFile& module, std::uint64_t file_address) override {
    ++resolved;
    const auto known = names.find({module.path, file_address});
    return known == names.end() ? std::vector<SourceFrame>{} : known->second;
  }

  // At the call instruction: return address less 1, less load bias.
  void Add(const std::string& path, std::uint64_t file_address, std::vector<SourceFrame> frames) {
    names[{path, file_address}] = std::move(frames);
  }

  std::map<std::pair<std::string, std::uint64_t>, std::vector<SourceFrame>> names;
  int resolved = 0;
};

}  // namespace limpet
