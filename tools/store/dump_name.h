// Names in the directory of profiles, taken apart. What has another name is not ours.
//
//   nginx.4242-987654 / 20261121T092356Z.000042.heap.pb.gz
//         pid  start    time             number profile
//   nginx.4242-987654 / 20261121T092356Z.000043.segment      a copy of the segment
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace limpet {

inline constexpr char kSegmentProfile[] = "segment";
inline constexpr char kPprofExtension[] = ".pb.gz";

struct DumpName {
  std::string time;  // "20261121T092356Z"
  std::uint64_t number = 0;
  std::string profile;
  std::string extension;  // ".pb.gz"; empty: of a segment
};

std::optional<DumpName> ParseDumpName(const std::string& file);
std::string FormatDumpName(const DumpName& name);

struct FolderName {
  std::uint32_t pid = 0;
  std::uint64_t start_ticks = 0;
};

std::optional<FolderName> ParseFolderName(const std::string& folder);

// "2026-11-21T09:23:56Z" of "20261121T092356Z".
std::string IsoTime(const std::string& time);

}  // namespace limpet
