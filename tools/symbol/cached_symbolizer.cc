#include "tools/symbol/cached_symbolizer.h"

namespace limpet {

std::vector<SourceFrame> CachedSymbolizer::Resolve(const ModuleFile& module,
                                                   std::uint64_t file_address) {
  auto [place, is_new] = modules_[{module.path, module.build_id}].try_emplace(file_address);
  if (is_new) {
    std::vector<SourceFrame> frames = symbolizer_.Resolve(module, file_address);
    Keep(frames, place->second);
    return frames;
  }
  std::vector<SourceFrame> frames;
  frames.reserve(place->second.size());
  for (const KeptFrame& kept : place->second) {
    frames.push_back({.name = *kept.name,
                      .system_name = *kept.system_name,
                      .file = *kept.file,
                      .line = kept.line,
                      .start_line = kept.start_line,
                      .entry = kept.entry});
  }
  return frames;
}

void CachedSymbolizer::Keep(const std::vector<SourceFrame>& frames, std::vector<KeptFrame>& kept) {
  kept.reserve(frames.size());
  for (const SourceFrame& frame : frames) {
    kept.push_back({.name = Keep(frame.name),
                    .system_name = Keep(frame.system_name),
                    .file = Keep(frame.file),
                    .line = frame.line,
                    .start_line = frame.start_line,
                    .entry = frame.entry});
  }
}

}  // namespace limpet
