#include "tools/profile/frame_namer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace limpet {

std::string BaseName(const std::string& path) {
  const std::string kept(absl::StripSuffix(path, " (deleted)"));
  return kept.substr(kept.find_last_of('/') + 1);
}

void FrameNamer::NameAll() {
  std::map<FrameKey, FrameRecord> frames;
  for (const auto& [id, stack] : snapshot_.stacks) {
    for (const FrameRecord& frame : stack.frames) frames[{frame.module, frame.address}] = frame;
  }
  for (const auto& [key, frame] : frames) Name(frame);
  symbolizer_.Forget();
}

const NamedFrame& FrameNamer::Name(const FrameRecord& frame) {
  // A return address may be the first byte after a call that never returns, in the next function.
  const bool is_call = !frame.is_exact && frame.address != 0;
  const std::uint64_t call_address = frame.address - (is_call ? 1 : 0);
  auto [place, is_new] = named_.try_emplace(FrameKey(frame.module, call_address));
  NamedFrame& named = place->second;
  if (!is_new) return named;

  named.call_address = call_address;
  named.module = frame.module < snapshot_.modules.size() ? frame.module : 0;
  if (named.module != 0) {
    NameInModule(snapshot_.modules[named.module], named);
  } else {
    NameWithoutModule(named);
  }
  return named;
}

void FrameNamer::NameInModule(const ModuleRecord& module, NamedFrame& named) {
  const std::uint64_t file_address = named.call_address - module.load_bias;
  std::vector<SourceFrame> sources =
      symbolizer_.Resolve({module.path, module.build_id, snapshot_.created_unix_ns}, file_address);
  if (sources.empty()) {
    const std::string name = absl::StrFormat("%s+0x%x", BaseName(module.path), file_address);
    sources.push_back({.name = name, .system_name = name});
  }
  named.sources.reserve(sources.size());
  for (const SourceFrame& source : sources) AddSource(source, named);
  const std::uint64_t entry = sources.back().entry;
  if (entry != 0) named.entry = entry + module.load_bias;
}

void FrameNamer::NameWithoutModule(NamedFrame& named) {
  std::string name;
  if (jit_names_ != nullptr) name = jit_names_->NameAt(named.call_address);
  if (name.empty()) name = absl::StrFormat("[jit]+0x%x", named.call_address);
  AddSource({.name = name, .system_name = name}, named);
}

void FrameNamer::AddSource(const SourceFrame& source, NamedFrame& named) {
  named.sources.push_back({.name = Keep(source.name),
                           .system_name = Keep(source.system_name),
                           .file = Keep(source.file),
                           .line = std::max(source.line, 0),
                           .start_line = std::max(source.start_line, 0)});
}

}  // namespace limpet
