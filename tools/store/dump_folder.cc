#include "tools/store/dump_folder.h"

#include <algorithm>
#include <map>
#include <utility>

#include "tools/store/dump_name.h"
#include "tools/store/meta_file.h"

namespace limpet {
namespace {

constexpr std::uint64_t kBlockBytes = 512;  // unit of st_blocks, whatever the file system's own

using DumpKey = std::pair<std::uint64_t, std::string>;  // number, time

DumpKey KeyOf(const DumpRecord& dump) { return {dump.number, dump.time}; }

// What the file takes of the disk: a copied segment is mostly holes.
std::uint64_t DiskBytes(const struct stat& facts) {
  return static_cast<std::uint64_t>(facts.st_blocks) * kBlockBytes;
}

void AddFile(const DumpName& name, DumpFile file, std::map<DumpKey, DumpRecord>& dumps) {
  DumpRecord& dump = dumps[{name.number, name.time}];
  dump.number = name.number;
  dump.time = name.time;
  dump.files.push_back(std::move(file));
}

}  // namespace

FolderListing ListDumps(const OpenFolder& folder) {
  FolderListing listing;
  std::map<DumpKey, DumpRecord> dumps;
  std::vector<std::string> names = folder.Names();
  std::sort(names.begin(), names.end());
  for (const std::string& file : names) {
    const std::optional<DumpName> name = ParseDumpName(file);
    if (!name.has_value() && file != kMetaName) continue;
    const std::optional<struct stat> facts = folder.Facts(file);
    if (!facts.has_value() || !S_ISREG(facts->st_mode)) continue;
    const std::uint64_t bytes = DiskBytes(*facts);
    listing.disk_bytes += bytes;
    if (name.has_value()) {
      AddFile(*name, {file, name->profile, name->extension, bytes}, dumps);
    } else {
      listing.has_meta = true;
    }
  }
  for (auto& [key, dump] : dumps) listing.dumps.push_back(std::move(dump));
  return listing;
}

void Annotate(const std::vector<DumpRecord>& known, std::vector<DumpRecord>& dumps) {
  std::map<DumpKey, const DumpRecord*> by_key;
  for (const DumpRecord& dump : known) by_key[KeyOf(dump)] = &dump;
  for (DumpRecord& dump : dumps) {
    const auto place = by_key.find(KeyOf(dump));
    if (place == by_key.end()) continue;
    dump.reason = place->second->reason;
    dump.in_use_bytes = place->second->in_use_bytes;
    dump.allocated_bytes = place->second->allocated_bytes;
  }
}

bool RemoveDump(const OpenFolder& folder, const DumpRecord& dump) {
  bool is_gone = true;
  for (const DumpFile& file : dump.files) is_gone = folder.Remove(file.name) && is_gone;
  return is_gone;
}

std::uint64_t DiskBytes(const DumpRecord& dump) {
  std::uint64_t bytes = 0;
  for (const DumpFile& file : dump.files) bytes += file.disk_bytes;
  return bytes;
}

}  // namespace limpet
