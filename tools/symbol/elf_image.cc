#include "tools/symbol/elf_image.h"

#include <elfutils/libdwelf.h>
#include <gelf.h>
#include <link.h>
#include <sys/auxv.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"

namespace limpet {
namespace {

std::string ReadBuildId(Elf* elf) {
  const void* id = nullptr;
  const ssize_t size = dwelf_elf_gnu_build_id(elf, &id);
  if (size <= 0) return "";
  return absl::BytesToHexString(
      absl::string_view(static_cast<const char*>(id), static_cast<std::size_t>(size)));
}

Elf* OpenMemory(std::span<char> bytes) {
  elf_version(EV_CURRENT);
  return elf_memory(bytes.data(), bytes.size());
}

}  // namespace

Elf_Data* FindSection(Elf* elf, const std::string& name) {
  std::size_t names = 0;
  if (elf_getshdrstrndx(elf, &names) != 0) return nullptr;
  for (Elf_Scn* section = elf_nextscn(elf, nullptr); section != nullptr;
       section = elf_nextscn(elf, section)) {
    GElf_Shdr header;
    // A debug file keeps the headers of the sections which stayed behind, as SHT_NOBITS.
    if (gelf_getshdr(section, &header) == nullptr || header.sh_type == SHT_NOBITS) continue;
    const char* found = elf_strptr(elf, names, header.sh_name);
    if (found == nullptr || name != found) continue;
    Elf_Data* content = elf_rawdata(section, nullptr);
    return content == nullptr || content->d_buf == nullptr ? nullptr : content;
  }
  return nullptr;
}

std::span<const std::uint8_t> DebugSection(Elf* elf, const std::string& name) {
  const Elf_Data* content = FindSection(elf, name);
  // What GNU tools once packed keeps that name.
  if (content == nullptr) content = FindSection(elf, ".z" + name.substr(1));
  if (content == nullptr) return {};
  return {static_cast<const std::uint8_t*>(content->d_buf), content->d_size};
}

ElfImage::ElfImage(MappedFile file, std::vector<char> bytes, std::string path)
    : file_(std::move(file)),
      bytes_(std::move(bytes)),
      elf_(OpenMemory(bytes_.empty() ? file_.bytes() : std::span<char>(bytes_))),
      path_(std::move(path)) {}

ElfImage::~ElfImage() { elf_end(elf_); }

absl::StatusOr<std::unique_ptr<ElfImage>> ElfImage::Open(const std::string& path,
                                                         const std::string& root) {
  absl::StatusOr<MappedFile> file = MappedFile::Open(path, root);
  if (!file.ok()) return file.status();
  std::unique_ptr<ElfImage> image(new ElfImage(*std::move(file), {}, path));
  const absl::Status status = image->Load();
  if (!status.ok()) return status;
  return image;
}

absl::StatusOr<std::unique_ptr<ElfImage>> ElfImage::FromBytes(std::vector<char> bytes,
                                                              const std::string& path) {
  std::unique_ptr<ElfImage> image(new ElfImage(MappedFile(), std::move(bytes), path));
  const absl::Status status = image->Load();
  if (!status.ok()) return status;
  return image;
}

absl::StatusOr<std::unique_ptr<ElfImage>> ElfImage::OpenVdso() {
  const auto* header = reinterpret_cast<const ElfW(Ehdr)*>(getauxval(AT_SYSINFO_EHDR));
  if (header == nullptr) return absl::NotFoundError("this process has no vdso");
  // The section headers come last in it, as in every image that a linker wrote.
  const std::size_t size =
      header->e_shoff + std::size_t{header->e_shentsize} * std::size_t{header->e_shnum};
  const auto* begin = reinterpret_cast<const char*>(header);
  return FromBytes(std::vector<char>(begin, begin + size), "linux-vdso.so.1");
}

absl::Status ElfImage::Load() {
  GElf_Ehdr header;
  if (elf_kind(elf_) != ELF_K_ELF || gelf_getehdr(elf_, &header) == nullptr) {
    return absl::InvalidArgumentError(path_ + ": not an ELF file");
  }
  build_id_ = ReadBuildId(elf_);
  if (header.e_type == ET_REL) return absl::OkStatus();
  if (header.e_type != ET_EXEC && header.e_type != ET_DYN) {
    return absl::InvalidArgumentError(path_ + ": neither an executable nor a shared object");
  }
  std::size_t count = 0;
  if (elf_getphdrnum(elf_, &count) != 0) {
    return absl::InvalidArgumentError(path_ + ": broken program headers");
  }
  for (std::size_t index = 0; index < count; ++index) {
    GElf_Phdr segment;
    if (gelf_getphdr(elf_, static_cast<int>(index), &segment) == nullptr) break;
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
    code_.push_back({segment.p_vaddr, segment.p_vaddr + segment.p_memsz});
  }
  return absl::OkStatus();
}

std::span<const char> ElfImage::bytes() const {
  return bytes_.empty() ? file_.bytes() : std::span<const char>(bytes_);
}

std::uint64_t ElfImage::CodeEnd(std::uint64_t address) const {
  for (const AddressRange& range : code_) {
    if (range.begin <= address && address < range.end) return range.end;
  }
  return 0;
}

bool ElfImage::HasDebugInfo() const {
  return FindSection(".debug_info") != nullptr || FindSection(".zdebug_info") != nullptr;
}

void ElfImage::DropPages(const std::string& section_name) const {
  const Elf_Data* content = FindSection(section_name);
  if (content == nullptr) return;
  const std::span part(static_cast<const char*>(content->d_buf), content->d_size);
  // What libelf noted in a section header must not fall back to what the file says. Only a file
  // made to confuse has its headers inside a section.
  if (!HoldsSectionHeaders(part)) file_.Drop(part);
}

bool ElfImage::HoldsSectionHeaders(std::span<const char> part) const {
  GElf_Ehdr header;
  std::size_t count = 0;
  if (gelf_getehdr(elf_, &header) == nullptr || elf_getshdrnum(elf_, &count) != 0) return true;
  const auto part_begin = static_cast<std::uint64_t>(part.data() - bytes().data());
  const std::uint64_t headers_end = header.e_shoff + count * header.e_shentsize;
  return header.e_shoff < part_begin + part.size() && part_begin < headers_end;
}

}  // namespace limpet
