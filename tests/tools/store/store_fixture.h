// A directory of profiles, and dumps put into it.
//
// Runs: tests.  Threads: one.  Allocates: yes.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/temporary_directory.h"
#include "tools/store/dump_store.h"
#include "tools/store/folder_record.h"

namespace limpet {

// Nothing where there is no folder.
inline std::optional<ProcessRecord> RecordIn(const std::string& path) {
  const std::optional<OpenFolder> folder = OpenFolder::Open(path);
  return folder.has_value() ? LoadRecord(*folder) : std::nullopt;
}

inline std::vector<DumpRecord> KeptIn(const std::string& path) {
  const std::optional<OpenFolder> folder = OpenFolder::Open(path);
  if (!folder.has_value()) return {};
  return ListKnownDumps(*folder, LoadRecord(*folder));
}

inline constexpr std::uint32_t kGonePid = 4'194'305;  // more than Linux ever gives

class StoreFixture : public ::testing::Test {
 protected:
  // One heap profile of `bytes`, some seconds after the one before.
  DumpRequest Request(const std::string& reason, std::size_t bytes = 10) {
    const std::string time = FormatUtc((1'795'252'976LL + clock_s_++) * 1'000'000'000);
    DumpRequest request{.directory = directory_.path(),
                        .folder = folder_,
                        .process = {.pid = kGonePid, .host = "here", .state = kStateRunning},
                        .dump = {.time = time, .reason = reason},
                        .limits = limits_};
    request.contents.push_back({"heap", ".pb.gz", [bytes](OutputFile& file) {
                                  return file.WriteAt(0, std::string(bytes, 'x'));
                                }});
    return request;
  }

  StoredDump Store(const std::string& reason, std::size_t bytes = 10) {
    absl::StatusOr<StoredDump> stored = StoreDump(Request(reason, bytes));
    EXPECT_TRUE(stored.ok()) << stored.status();
    return stored.value_or(StoredDump{});
  }

  // Of another process.
  void Enter(const std::string& folder) { folder_ = folder; }

  std::string Folder() const { return directory_.File(folder_); }
  std::string InFolder(const std::string& name) const { return Folder() + "/" + name; }

  // "number reason", ascending.
  std::vector<std::string> Kept() const {
    std::vector<std::string> kept;
    for (const DumpRecord& dump : KeptIn(Folder())) {
      kept.push_back(std::to_string(dump.number) + " " + dump.reason);
    }
    return kept;
  }

  std::uint64_t Removed() const {
    const std::optional<ProcessRecord> record = RecordIn(Folder());
    return record.has_value() ? record->removed_dumps : 0;
  }

  static std::string LinkOf(const std::string& path) {
    std::error_code error;
    return std::filesystem::read_symlink(path, error);
  }

  TemporaryDirectory directory_;
  std::string folder_ = "app.4194305-987654";
  StoreLimits limits_{.max_dumps = 100, .max_directory_bytes = 1 << 30};
  std::int64_t clock_s_ = 0;
};

}  // namespace limpet
