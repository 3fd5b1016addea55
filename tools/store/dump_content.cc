#include "tools/store/dump_content.h"

#include <filesystem>

namespace limpet {

absl::Status WriteContent(const std::string& path, const DumpContent& content) {
  absl::StatusOr<OutputFile> file = OutputFile::Create(path);
  if (!file.ok()) return file.status();
  absl::Status status = content.write(*file);
  return status.ok() ? file->Commit() : status;
}

absl::StatusOr<std::vector<std::string>> WriteByPattern(const std::vector<DumpContent>& contents,
                                                        const std::string& pattern,
                                                        DumpNames names) {
  const std::filesystem::path folder =
      std::filesystem::path(ExpandPattern(pattern, names)).parent_path();
  const std::string directory = folder.empty() ? "." : folder.string();
  absl::Status status = MakeDirectory(directory);
  if (!status.ok()) return status;
  absl::StatusOr<DirectoryLock> lock = DirectoryLock::Take(directory);
  if (!lock.ok()) return lock.status();
  names.number = NextNumber(directory, pattern);
  std::vector<std::string> paths;
  for (const DumpContent& content : contents) {
    names.profile = content.profile;
    paths.push_back(ExpandPattern(pattern, names));
    status = WriteContent(paths.back(), content);
    if (!status.ok()) return status;
  }
  return paths;
}

}  // namespace limpet
