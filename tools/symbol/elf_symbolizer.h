// The symbolizer for modules on this machine's disks: ELF symbols, DWARF lines and inlined
// functions.
//
// A module is opened when its first address is asked for and kept, by path and build id. One whose
// file is gone or has become another build gives no names rather than wrong ones, and a complaint.
//
// Runs: companion.  Threads: one at a time.  Allocates: yes.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tools/symbol/debug_file.h"
#include "tools/symbol/module_index.h"
#include "tools/symbol/symbolizer.h"

namespace limpet {

class ElfSymbolizer : public Symbolizer {
 public:
  ElfSymbolizer() = default;
  // `place.root` is where the paths of modules are to be taken from, such as "/proc/PID/root".
  explicit ElfSymbolizer(DebugPlace place) : place_(std::move(place)) {}

  std::vector<SourceFrame> Resolve(const ModuleFile& module, std::uint64_t file_address) override;

  void Forget() override;

  // Why modules have no names, a sentence each, for the people who read the profile.
  const std::vector<std::string>& Complaints() const { return complaints_; }

 private:
  ModuleIndex* Find(const ModuleFile& module);
  std::unique_ptr<ModuleIndex> Open(const ModuleFile& module);

  DebugPlace place_;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<ModuleIndex>> modules_;
  std::vector<std::string> complaints_;
};

}  // namespace limpet
