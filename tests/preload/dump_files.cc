#include "tests/preload/dump_files.h"

#include <google/protobuf/io/gzip_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "profile.pb.h"

namespace limpet {
namespace {

constexpr int kWaitMs = 30'000;
constexpr int kPauseMs = 10;

perftools::profiles::Profile ReadDump(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  google::protobuf::io::IstreamInputStream raw(&file);
  google::protobuf::io::GzipInputStream input(&raw);
  perftools::profiles::Profile profile;
  EXPECT_TRUE(profile.ParseFromZeroCopyStream(&input)) << path;
  return profile;
}

// Locations that have a line in a function whose name holds `function`.
std::set<std::uint64_t> LocationsOf(const perftools::profiles::Profile& profile,
                                    const std::string& function) {
  std::set<std::uint64_t> functions, locations;
  for (const auto& candidate : profile.function()) {
    const std::string& name = profile.string_table(static_cast<int>(candidate.name()));
    if (name.find(function) != std::string::npos) functions.insert(candidate.id());
  }
  for (const auto& location : profile.location()) {
    for (const auto& line : location.line()) {
      if (functions.contains(line.function_id())) locations.insert(location.id());
    }
  }
  return locations;
}

// 0: the profile is of one process.
std::int64_t PidOf(const perftools::profiles::Profile& profile,
                   const perftools::profiles::Sample& sample) {
  for (const auto& label : sample.label()) {
    if (profile.string_table(static_cast<int>(label.key())) == "pid") return label.num();
  }
  return 0;
}

void Add(const SiteTotals& share, SiteTotals& totals) {
  totals.allocated_objects += share.allocated_objects;
  totals.allocated_bytes += share.allocated_bytes;
  totals.objects_in_use += share.objects_in_use;
  totals.bytes_in_use += share.bytes_in_use;
}

bool IsOfThreads(const std::string& path) {
  const auto ends_so = [&path](const char* name) {
    return path.ends_with(std::string(name) + ".pb.gz");
  };
  constexpr const char* kNames[] = {"goroutine", "threadcreate", "block", "mutex", "wait"};
  return std::any_of(std::begin(kNames), std::end(kNames), ends_so);
}

}  // namespace

std::vector<std::string> ListDumps(const std::string& directory) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    std::string path = entry.path();
    const bool is_file = entry.is_regular_file() && !entry.is_symlink();  // not latest.heap.pb.gz
    if (is_file && path.ends_with(".pb.gz") && !IsOfThreads(path)) files.push_back(path);
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<std::string> WaitForDumps(const std::string& directory, std::size_t count) {
  std::vector<std::string> files = ListDumps(directory);
  for (int waited_ms = 0; files.size() < count && waited_ms < kWaitMs; waited_ms += kPauseMs) {
    usleep(kPauseMs * 1000);
    files = ListDumps(directory);
  }
  return files;
}

SiteTotals TotalsOfDump(const std::string& path, const std::string& function) {
  SiteTotals totals;
  for (const auto& [pid, share] : TotalsByPid(path, function)) Add(share, totals);
  return totals;
}

std::map<std::int64_t, SiteTotals> TotalsByPid(const std::string& path,
                                               const std::string& function) {
  perftools::profiles::Profile profile = ReadDump(path);
  std::set<std::uint64_t> locations = LocationsOf(profile, function);
  std::map<std::int64_t, SiteTotals> totals;
  for (const auto& sample : profile.sample()) {
    auto is_site = [&](std::uint64_t location) { return locations.contains(location); };
    if (std::none_of(sample.location_id().begin(), sample.location_id().end(), is_site)) continue;
    Add({sample.value(0), sample.value(1), sample.value(2), sample.value(3)},
        totals[PidOf(profile, sample)]);
  }
  return totals;
}

}  // namespace limpet
