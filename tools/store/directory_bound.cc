#include "tools/store/directory_bound.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "tools/reader/living_processes.h"
#include "tools/store/dump_folder.h"
#include "tools/store/dump_name.h"
#include "tools/store/folder_record.h"
#include "tools/store/latest_link.h"
#include "tools/store/meta_file.h"
#include "tools/store/output_file.h"
#include "tools/store/retention.h"
#include "tools/store/temporary_file.h"

namespace limpet {
namespace {

struct Folder {
  std::string name;
  FolderName process;
  FolderIdentity identity;
  bool is_current = false;
  FolderListing listing;
  std::string state;
  std::string host;
  std::optional<OpenFolder> open;  // as long as it is locked
  std::optional<DirectoryLock> lock;
  bool is_refused = false;
  std::uint64_t removed = 0;
};

struct Candidate {
  std::size_t folder;
  std::size_t dump;
};

class Bounding {
 public:
  explicit Bounding(const BoundedDirectory& directory) : directory_(directory) {}

  BoundResult Run() {
    FindFolders();
    if (!IsKept()) {
      for (Folder& folder : folders_) ReadKnown(folder);
      RemoveDumps();
      RemoveDeadFolders();
    }
    return Finish();
  }

 private:
  bool IsKept() const { return disk_bytes_ <= directory_.max_bytes; }

  void FindFolders() {
    RemoveDeadTemporaries(directory_.folder);
    for (const std::string& name : directory_.folder.Names()) AddFolder(name);
  }

  std::optional<OpenFolder> Open(const std::string& name) const {
    const bool is_current = name == directory_.current_name;
    return is_current ? directory_.current.OpenInside(".") : directory_.folder.OpenInside(name);
  }

  // The one that was added: somebody may have put another one at its name since.
  std::optional<OpenFolder> OpenAgain(const Folder& folder) const {
    std::optional<OpenFolder> open = Open(folder.name);
    if (open.has_value() && open->identity() != folder.identity) return std::nullopt;
    return open;
  }

  void AddFolder(const std::string& name) {
    const std::optional<FolderName> parts = ParseFolderName(name);
    if (!parts.has_value()) return;
    Folder folder{.name = name, .process = *parts};
    const std::optional<OpenFolder> open = Open(name);
    if (!open.has_value() || open->owner_uid() != directory_.current.owner_uid()) return;
    folder.identity = open->identity();
    folder.listing = ListDumps(*open);
    if (folder.listing.dumps.empty() && !HasOurMeta(folder, *open)) return;
    folder.is_current = name == directory_.current_name;
    disk_bytes_ += folder.listing.disk_bytes;
    folders_.push_back(std::move(folder));
  }

  // Another program may have a meta.json of its own, in a folder with a name like ours.
  static bool HasOurMeta(const Folder& folder, const OpenFolder& open) {
    const std::optional<ProcessRecord> known = ReadMeta(open);
    return known.has_value() && known->pid == folder.process.pid;
  }

  void ReadKnown(Folder& folder) const {
    const std::optional<OpenFolder> open = OpenAgain(folder);
    if (!open.has_value()) return;
    const std::optional<ProcessRecord> known = ReadMeta(*open);
    if (!known.has_value()) return;
    Annotate(known->dumps, folder.listing.dumps);
    folder.state = known->state;
    folder.host = known->host;
  }

  // Held from now on. False where another companion writes, or we may not.
  bool Hold(Folder& folder) const {
    if (folder.open.has_value()) return true;
    if (folder.is_refused) return false;
    folder.is_refused = true;
    std::optional<OpenFolder> open = OpenAgain(folder);
    if (!open.has_value()) return false;
    if (!folder.is_current) {
      absl::StatusOr<DirectoryLock> lock = DirectoryLock::Try(*open);
      if (!lock.ok() || !open->IsWritable()) return false;
      folder.lock.emplace(*std::move(lock));
    }
    folder.open.emplace(*std::move(open));
    folder.is_refused = false;
    return true;
  }

  const DumpRecord& DumpOf(const Candidate& candidate) const {
    return folders_[candidate.folder].listing.dumps[candidate.dump];
  }

  std::vector<Candidate> Candidates() const {
    std::vector<Candidate> candidates;
    for (std::size_t folder = 0; folder < folders_.size(); ++folder) {
      for (std::size_t dump : RemovalOrder(folders_[folder].listing.dumps)) {
        candidates.push_back({folder, dump});
      }
    }
    const auto rank = [this](const Candidate& candidate) {
      const DumpRecord& dump = DumpOf(candidate);
      return std::tuple<bool, const std::string&, std::uint64_t>(IsAskedFor(dump), dump.time,
                                                                 dump.number);
    };
    std::stable_sort(candidates.begin(), candidates.end(),
                     [&](const Candidate& a, const Candidate& b) { return rank(a) < rank(b); });
    return candidates;
  }

  void RemoveDumps() {
    for (const Candidate& candidate : Candidates()) {
      if (IsKept()) return;
      Folder& folder = folders_[candidate.folder];
      if (!Hold(folder) || !RemoveDump(*folder.open, DumpOf(candidate))) continue;
      disk_bytes_ -= DiskBytes(DumpOf(candidate));
      ++folder.removed;
    }
  }

  bool IsDead(const Folder& folder) const {
    // Its name does not say which pid namespace it is of.
    const SegmentOwner owner = {.pid = folder.process.pid,
                                .start_ticks = folder.process.start_ticks};
    if (living_->LifeOf(owner) == Life::kAlive) return false;
    const std::vector<DumpRecord>& dumps = folder.listing.dumps;
    const bool has_ended = !dumps.empty() && IsLastWord(dumps.back());
    return has_ended || folder.state == kStateDead || folder.host.empty() ||
           folder.host == directory_.host;
  }

  std::vector<std::size_t> DeadFolders() const {
    std::vector<std::size_t> dead;
    for (std::size_t index = 0; index < folders_.size(); ++index) {
      if (!folders_[index].is_current && IsDead(folders_[index])) dead.push_back(index);
    }
    const auto last = [this](std::size_t index) {
      const std::vector<DumpRecord>& dumps = folders_[index].listing.dumps;
      return dumps.empty() ? std::string() : dumps.back().time;
    };
    std::stable_sort(dead.begin(), dead.end(),
                     [&](std::size_t a, std::size_t b) { return last(a) < last(b); });
    return dead;
  }

  void RemoveDeadFolders() {
    if (IsKept()) return;
    living_ = LivingProcesses::Read();
    for (std::size_t index : DeadFolders()) {
      if (IsKept()) return;
      if (Hold(folders_[index])) RemoveFolder(folders_[index]);
    }
  }

  // What is not ours in it stays, and the folder with it.
  void RemoveFolder(Folder& folder) {
    const OpenFolder& open = *folder.open;
    const std::uint64_t before = ListDumps(open).disk_bytes;
    for (const DumpRecord& dump : folder.listing.dumps) {
      if (RemoveDump(open, dump)) ++folder.removed;
    }
    if (ListDumps(open).dumps.empty()) RemoveRest(folder, open);
    disk_bytes_ -= before - std::min(before, ListDumps(open).disk_bytes);
  }

  void RemoveRest(const Folder& folder, const OpenFolder& open) const {
    if (HasOurMeta(folder, open)) open.Remove(kMetaName);
    for (const std::string& name : open.Names()) {
      if (!LatestProfile(name).empty() && open.Link(name).has_value()) open.Remove(name);
    }
    RemoveDeadTemporaries(open);
    directory_.folder.RemoveEmptyFolder(folder.name);
  }

  BoundResult Finish() {
    BoundResult result{.disk_bytes = disk_bytes_};
    for (Folder& folder : folders_) {
      if (folder.is_current) result.removed_current_dumps = folder.removed;
      if (folder.lock.has_value() && folder.removed != 0) {
        RefreshRecord(*folder.open, folder.removed);
      }
    }
    return result;
  }

  const BoundedDirectory& directory_;
  std::vector<Folder> folders_;
  std::optional<LivingProcesses> living_;  // read when it is asked who is dead
  std::uint64_t disk_bytes_ = 0;
};

}  // namespace

BoundResult BoundDirectory(const BoundedDirectory& directory) { return Bounding(directory).Run(); }

}  // namespace limpet
