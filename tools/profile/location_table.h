// The mappings, functions and locations of a profile under construction: each stands once.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>

#include "tools/profile/frame_namer.h"
#include "tools/profile/profile.h"
#include "tools/reader/segment_snapshot.h"

namespace limpet {

class LocationTable {
 public:
  // Writes into `profile`, and begins with the main executable as its first mapping: pprof shows
  // that one's name. Both must outlive the table, and so must the namer of its frames.
  LocationTable(const SegmentSnapshot& snapshot, Profile& profile);

  // Index into Profile::locations.
  std::uint32_t AddFrame(const NamedFrame& frame);

  // A location that is no place in the program: "[truncated]".
  std::uint32_t AddMarker(const std::string& name);

 private:
  using FunctionKey =
      std::tuple<std::string_view, std::string_view, std::string_view, std::int64_t>;
  using LocationKey = std::tuple<std::int32_t, std::uint64_t, std::string>;

  std::int32_t AddMapping(std::uint32_t module);
  std::uint32_t AddFunction(const NamedSource& source);

  const SegmentSnapshot& snapshot_;
  Profile& profile_;
  std::map<std::uint32_t, std::int32_t> mappings_;
  std::map<FunctionKey, std::uint32_t> functions_;
  std::map<LocationKey, std::uint32_t> locations_;
};

}  // namespace limpet
