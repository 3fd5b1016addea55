// Gives every frame a name. A frame without a symbol is never nothing: it keeps its file and
// address.
//
//   symbol found            parse()  json.cc:118
//   module without symbol   libfoo.so+0x1a2b       an address in the file, as addr2line takes it
//   compiled at run time    its name in /tmp/perf-PID.map, else [jit]+0x7f33120040a1
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_set>
#include <vector>

#include "tools/reader/jit_names.h"
#include "tools/reader/segment_snapshot.h"
#include "tools/symbol/symbolizer.h"

namespace limpet {

// A function at a frame, as SourceFrame. The namer holds the texts, each once: thousands of frames
// of a C++ program share some long names.
struct NamedSource {
  std::string_view name;
  std::string_view system_name;
  std::string_view file;
  int line = 0;
  int start_line = 0;
};

struct NamedFrame {
  std::uint64_t call_address = 0;    // in memory: return address less 1
  std::uint64_t entry = 0;           // in memory, 0: unknown
  std::uint32_t module = 0;          // index into SegmentSnapshot::modules, 0: none
  std::vector<NamedSource> sources;  // never empty; innermost inlined function first
};

class FrameNamer {
 public:
  // `jit_names` may be null. All must outlive the namer.
  FrameNamer(const SegmentSnapshot& snapshot, Symbolizer& symbolizer, const JitNames* jit_names)
      : snapshot_(snapshot), symbolizer_(symbolizer), jit_names_(jit_names) {}

  // Names all frames of the snapshot in the order of their addresses, which is the order of the
  // debug information: a big executable's is then read through once instead of here and there.
  void NameAll();

  // Stays valid as long as the namer.
  const NamedFrame& Name(const FrameRecord& frame);

 private:
  using FrameKey = std::tuple<std::uint32_t, std::uint64_t>;  // module, call address

  void NameInModule(const ModuleRecord& module, NamedFrame& named);
  void NameWithoutModule(NamedFrame& named);
  void AddSource(const SourceFrame& source, NamedFrame& named);
  std::string_view Keep(const std::string& text) { return *texts_.insert(text).first; }

  const SegmentSnapshot& snapshot_;
  Symbolizer& symbolizer_;
  const JitNames* jit_names_;
  std::unordered_set<std::string> texts_;  // its elements stay where they are
  std::map<FrameKey, NamedFrame> named_;
};

// Last part of a path, without the " (deleted)" that the kernel adds.
std::string BaseName(const std::string& path);

}  // namespace limpet
