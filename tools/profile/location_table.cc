#include "tools/profile/location_table.h"

#include "absl/strings/strip.h"

namespace limpet {
namespace {

// Every location has a function, and what has no file or line has none to be found: all four are
// set so that no reader tries to symbolize again, with the files of another machine.
ProfileMapping NamedMapping(const std::string& path) {
  return {.file = std::string(absl::StripSuffix(path, " (deleted)")),
          .has_functions = true,
          .has_filenames = true,
          .has_line_numbers = true,
          .has_inline_frames = true};
}

std::uint32_t MainModule(const SegmentSnapshot& snapshot) {
  std::uint32_t first = 0;
  for (std::uint32_t id = 1; id < snapshot.modules.size(); ++id) {
    const ModuleRecord& module = snapshot.modules[id];
    if (module.end == 0) continue;
    if (module.path == snapshot.executable) return id;
    if (first == 0) first = id;
  }
  return snapshot.executable.empty() ? first : 0;
}

}  // namespace

LocationTable::LocationTable(const SegmentSnapshot& snapshot, Profile& profile)
    : snapshot_(snapshot), profile_(profile) {
  const std::uint32_t main_module = MainModule(snapshot);
  if (main_module != 0) {
    AddMapping(main_module);
  } else {
    profile_.mappings.push_back(NamedMapping(snapshot.executable));  // no stack went through it yet
  }
}

std::uint32_t LocationTable::AddFrame(const NamedFrame& frame) {
  const std::int32_t mapping = frame.module == 0 ? -1 : AddMapping(frame.module);
  const auto next = static_cast<std::uint32_t>(profile_.locations.size());
  auto [place, is_new] = locations_.try_emplace({mapping, frame.call_address, ""}, next);
  if (!is_new) return place->second;

  ProfileLocation location{.address = frame.call_address, .entry = frame.entry, .mapping = mapping};
  for (const NamedSource& source : frame.sources) {
    location.lines.push_back({.function = AddFunction(source), .line = source.line});
  }
  profile_.locations.push_back(std::move(location));
  return next;
}

std::uint32_t LocationTable::AddMarker(const std::string& name) {
  const auto next = static_cast<std::uint32_t>(profile_.locations.size());
  auto [place, is_new] = locations_.try_emplace({-1, 0, name}, next);
  if (!is_new) return place->second;
  const std::string& kept = std::get<std::string>(place->first);
  const std::uint32_t function = AddFunction({.name = kept, .system_name = kept});
  profile_.locations.push_back({.lines = {{.function = function, .line = 0}}});
  return next;
}

std::int32_t LocationTable::AddMapping(std::uint32_t module) {
  const auto next = static_cast<std::int32_t>(profile_.mappings.size());
  auto [place, is_new] = mappings_.try_emplace(module, next);
  if (!is_new) return place->second;
  const ModuleRecord& record = snapshot_.modules[module];
  ProfileMapping mapping = NamedMapping(record.path);
  mapping.start = record.start;
  mapping.limit = record.end;
  mapping.file_offset = record.file_offset;
  mapping.build_id = record.build_id;
  profile_.mappings.push_back(std::move(mapping));
  return next;
}

std::uint32_t LocationTable::AddFunction(const NamedSource& source) {
  const auto next = static_cast<std::uint32_t>(profile_.functions.size());
  auto [place, is_new] = functions_.try_emplace(
      {source.name, source.system_name, source.file, source.start_line}, next);
  if (!is_new) return place->second;
  profile_.functions.push_back({.name = std::string(source.name),
                                .system_name = std::string(source.system_name),
                                .file = std::string(source.file),
                                .start_line = source.start_line});
  return next;
}

}  // namespace limpet
