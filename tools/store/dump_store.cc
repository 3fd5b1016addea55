#include "tools/store/dump_store.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "absl/strings/str_format.h"
#include "tools/store/directory_bound.h"
#include "tools/store/dump_folder.h"
#include "tools/store/dump_name.h"
#include "tools/store/folder_record.h"
#include "tools/store/latest_link.h"
#include "tools/store/meta_file.h"
#include "tools/store/open_folder.h"
#include "tools/store/output_file.h"
#include "tools/store/retention.h"
#include "tools/store/temporary_file.h"

namespace limpet {
namespace {

std::uint64_t NextNumber(const std::vector<DumpRecord>& dumps) {
  return dumps.empty() ? 1 : dumps.back().number + 1;
}

// A link would lead out of LIMPET_DIR.
absl::StatusOr<OpenFolder> OpenOwnFolder(const OpenFolder& directory, const std::string& name) {
  if (!directory.MakeFolder(name)) {
    return absl::ErrnoToStatus(errno, absl::StrFormat("cannot write into %s", directory.path()));
  }
  std::optional<OpenFolder> folder = directory.OpenInside(name);
  if (folder.has_value() && folder->owner_uid() == geteuid()) return *std::move(folder);
  return absl::PermissionDeniedError(
      absl::StrFormat("cannot write into %s/%s: it is no folder of this user's own; remove it",
                      directory.path(), name));
}

// One dump on its way into the store; each step needs the lock that Run() holds.
class Storing {
 public:
  Storing(const DumpRequest& request, const OpenFolder& directory, const OpenFolder& folder)
      : request_(request), directory_(directory), folder_(folder) {}

  absl::StatusOr<StoredDump> Run() {
    absl::StatusOr<DirectoryLock> lock = DirectoryLock::Take(folder_);
    if (!lock.ok()) return lock.status();
    Look();
    absl::Status status = Write();
    if (!status.ok()) return status;
    Record();
    if (!request_.is_of_copy) BoundSurroundings();
    return std::move(stored_);
  }

 private:
  void Look() {
    known_ = ReadMeta(folder_);
    RemoveDeadTemporaries(folder_);
    const std::vector<DumpRecord> dumps = ListKnownDumps(folder_, known_);
    dump_ = request_.dump;
    if (dump_.number == 0) dump_.number = NextNumber(dumps);
  }

  absl::Status Write() {
    absl::Status status = WriteContents();
    if (!absl::IsResourceExhausted(status) || !MakeRoom()) return status;
    status = WriteContents();
    if (!status.ok()) RefreshRecord(folder_, removed_);
    return status;
  }

  absl::Status WriteContents() {
    stored_.paths.clear();
    for (const DumpContent& content : request_.contents) {
      const DumpName name{dump_.time, dump_.number, content.profile, content.extension};
      const std::string file = FormatDumpName(name);
      stored_.paths.push_back(folder_.path() + "/" + file);
      absl::Status status = WriteContent(folder_, file, content);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  // Half of what nobody asked for.
  bool MakeRoom() {
    const std::vector<DumpRecord> dumps = ListKnownDumps(folder_, known_);
    std::vector<std::size_t> order = RemovalOrder(dumps);
    std::erase_if(order, [&](std::size_t index) {
      return IsAskedFor(dumps[index]) || dumps[index].IsSameDump(dump_);
    });
    order.resize((order.size() + 1) / 2);
    return Remove(dumps, order) != 0;
  }

  std::uint64_t Remove(const std::vector<DumpRecord>& dumps,
                       const std::vector<std::size_t>& indexes) {
    std::uint64_t removed = 0;
    for (std::size_t index : indexes) {
      if (RemoveDump(folder_, dumps[index])) ++removed;
    }
    removed_ += removed;
    return removed;
  }

  void Record() {
    std::vector<DumpRecord> dumps = ListWithThis();
    if (!request_.is_of_copy && KeepToCount(dumps)) dumps = ListWithThis();
    ProcessRecord record = Process();
    record.removed_dumps += removed_;
    record.note = Note(dumps.size());
    record.dumps = std::move(dumps);
    absl::Status status = SaveRecord(folder_, record);
    if (!status.ok()) {
      stored_.notes.push_back(
          absl::StrFormat("%s is not up to date: %s", kMetaName, std::string(status.message())));
    }
  }

  std::vector<DumpRecord> ListWithThis() const {
    std::vector<DumpRecord> dumps = ListKnownDumps(folder_, known_);
    for (DumpRecord& dump : dumps) {
      if (!dump.IsSameDump(dump_)) continue;
      const bool keeps_reason = request_.is_of_copy && dump.reason != kReasonUnknown;
      if (!keeps_reason) dump.reason = dump_.reason;
      dump.in_use_bytes = dump_.in_use_bytes;
      dump.allocated_bytes = dump_.allocated_bytes;
    }
    return dumps;
  }

  // True when some were removed.
  bool KeepToCount(const std::vector<DumpRecord>& dumps) {
    const std::uint64_t max_dumps = request_.limits.max_dumps;
    if (dumps.size() <= max_dumps) return false;
    std::vector<std::size_t> order = RemovalOrder(dumps);
    order.resize(std::min<std::size_t>(order.size(), dumps.size() - max_dumps));
    return Remove(dumps, order) != 0;
  }

  // What was known and cannot be seen now stays.
  ProcessRecord Process() const {
    if (!known_.has_value()) return request_.process;
    ProcessRecord process = request_.is_of_copy ? *known_ : request_.process;
    process.removed_dumps = known_->removed_dumps;
    if (process.build_id.empty()) process.build_id = known_->build_id;
    if (process.build_id.empty()) process.build_id = request_.process.build_id;
    if (!known_->started.empty()) process.started = known_->started;
    if (process.end.empty()) process.end = known_->end;
    return process;
  }

  std::string Note(std::size_t dumps) {
    if (request_.is_of_copy || dumps <= request_.limits.max_dumps) return "";
    return Say(absl::StrFormat(
        "%d dumps are kept, more than LIMPET_KEEP=%d: the others are the first, the last, those of "
        "the end, or may not be removed",
        dumps, request_.limits.max_dumps));
  }

  void BoundSurroundings() {
    SetLink(directory_, kLatestName, request_.folder);
    const BoundResult result = BoundDirectory({.folder = directory_,
                                               .current = folder_,
                                               .current_name = request_.folder,
                                               .host = request_.process.host,
                                               .max_bytes = request_.limits.max_directory_bytes});
    const bool holds = result.disk_bytes <= request_.limits.max_directory_bytes;
    if (holds && result.removed_current_dumps == 0) return;
    RefreshRecord(folder_, result.removed_current_dumps, holds ? "" : SizeNote(result.disk_bytes));
  }

  std::string SizeNote(std::uint64_t disk_bytes) {
    return Say(absl::StrFormat(
        "%s holds %d bytes, more than LIMPET_MAX_DIR_BYTES=%d: what is left are first and last "
        "dumps, those of the end, or may not be removed",
        request_.directory, disk_bytes, request_.limits.max_directory_bytes));
  }

  std::string Say(std::string note) {
    stored_.notes.push_back(note);
    return note;
  }

  const DumpRequest& request_;
  const OpenFolder& directory_;  // LIMPET_DIR
  const OpenFolder& folder_;
  std::optional<ProcessRecord> known_;
  DumpRecord dump_;
  StoredDump stored_;
  std::uint64_t removed_ = 0;
};

}  // namespace

absl::StatusOr<StoredDump> StoreDump(const DumpRequest& request) {
  absl::StatusOr<OpenFolder> directory = OpenDirectory(request.directory);
  if (!directory.ok()) return directory.status();
  absl::StatusOr<OpenFolder> folder = OpenOwnFolder(*directory, request.folder);
  if (!folder.ok()) return folder.status();
  return Storing(request, *directory, *folder).Run();
}

}  // namespace limpet
