#include "tools/symbol/dwarf_file.h"

#include <elfutils/libdwelf.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"

namespace limpet {

absl::StatusOr<std::unique_ptr<DwarfFile>> DwarfFile::Open(const ElfImage& image,
                                                           const DebugPlace& place) {
  if (!image.HasDebugInfo()) return absl::NotFoundError(image.path() + ": no debug information");
  std::unique_ptr<DwarfFile> file(new DwarfFile(image));
  absl::Status status = file->Reopen();
  if (!status.ok()) return status;
  file->FindShared(place);
  status = file->Reopen();
  if (!status.ok()) return status;
  return file;
}

absl::Status DwarfFile::Reopen() {
  dwarf_.reset();
  shared_.reset();
  dwarf_.reset(dwarf_begin_elf(image_.elf(), DWARF_C_READ, nullptr));
  if (dwarf_ == nullptr) {
    return absl::InvalidArgumentError(image_.path() + ": " + dwarf_errmsg(-1));
  }
  if (shared_image_ == nullptr) return absl::OkStatus();
  shared_.reset(dwarf_begin_elf(shared_image_->elf(), DWARF_C_READ, nullptr));
  if (shared_ != nullptr) dwarf_setalt(dwarf_.get(), shared_.get());
  return absl::OkStatus();
}

void DwarfFile::DropPages() const {
  for (const char* section : {".debug_info", ".debug_str", ".debug_line", ".debug_abbrev",
                              ".debug_rnglists", ".debug_ranges"}) {
    image_.DropPages(section);
    if (shared_image_ != nullptr) shared_image_->DropPages(section);
  }
}

void DwarfFile::FindShared(const DebugPlace& place) {
  const char* path = nullptr;
  const void* id = nullptr;
  const ssize_t size = dwelf_dwarf_gnu_debugaltlink(dwarf_.get(), &path, &id);
  if (size <= 0 || path == nullptr) return;
  const std::string build_id = absl::BytesToHexString(
      absl::string_view(static_cast<const char*>(id), static_cast<std::size_t>(size)));
  // Without it names are missing, which is no reason to do without lines.
  auto found = FindSharedDebugFile(image_, path, build_id, place);
  if (found.ok()) shared_image_ = *std::move(found);
}

}  // namespace limpet
