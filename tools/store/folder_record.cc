#include "tools/store/folder_record.h"

#include "tools/store/dump_folder.h"
#include "tools/store/latest_link.h"
#include "tools/store/meta_file.h"

namespace limpet {

std::vector<DumpRecord> ListKnownDumps(const OpenFolder& folder,
                                       const std::optional<ProcessRecord>& known) {
  std::vector<DumpRecord> dumps = ListDumps(folder).dumps;
  if (known.has_value()) Annotate(known->dumps, dumps);
  return dumps;
}

std::optional<ProcessRecord> LoadRecord(const OpenFolder& folder) {
  std::optional<ProcessRecord> record = ReadMeta(folder);
  if (record.has_value()) record->dumps = ListKnownDumps(folder, record);
  return record;
}

absl::Status SaveRecord(const OpenFolder& folder, const ProcessRecord& record) {
  UpdateLatestProfiles(folder, record.dumps);
  return WriteMeta(folder, record);
}

void RefreshRecord(const OpenFolder& folder, std::uint64_t removed_dumps, const std::string& note) {
  std::optional<ProcessRecord> record = LoadRecord(folder);
  if (!record.has_value()) {
    UpdateLatestProfiles(folder, ListKnownDumps(folder, std::nullopt));
    return;
  }
  record->removed_dumps += removed_dumps;
  if (!note.empty()) record->note = note;
  // What a full disk keeps from being written is written by the next dump.
  SaveRecord(folder, *record).IgnoreError();
}

}  // namespace limpet
