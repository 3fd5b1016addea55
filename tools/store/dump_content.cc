#include "tools/store/dump_content.h"

#include <filesystem>

namespace limpet {

namespace fs = std::filesystem;

absl::Status WriteContent(const OpenFolder& folder, const std::string& name,
                          const DumpContent& content) {
  absl::StatusOr<OutputFile> file = OutputFile::Create(folder, name);
  if (!file.ok()) return file.status();
  absl::Status status = content.write(*file);
  return status.ok() ? file->Commit() : status;
}

absl::StatusOr<std::vector<std::string>> WriteByPattern(const std::vector<DumpContent>& contents,
                                                        const std::string& pattern,
                                                        DumpNames names) {
  const fs::path directory = fs::path(ExpandPattern(pattern, names)).parent_path();
  absl::StatusOr<OpenFolder> folder = OpenDirectory(directory.empty() ? "." : directory.string());
  if (!folder.ok()) return folder.status();
  absl::StatusOr<DirectoryLock> lock = DirectoryLock::Take(*folder);
  if (!lock.ok()) return lock.status();
  names.number = NextNumber(folder->Names(), pattern);
  std::vector<std::string> paths;
  for (const DumpContent& content : contents) {
    names.profile = content.profile;
    paths.push_back(ExpandPattern(pattern, names));
    absl::Status status = WriteContent(*folder, fs::path(paths.back()).filename(), content);
    if (!status.ok()) return status;
  }
  return paths;
}

}  // namespace limpet
