// An ELF executable or shared object opened for its symbols and debug sections.
//
// The file is mapped, not read: of a 500 MB binary only the pages that a look-up touches become
// resident. Its content is hostile until checked; what libelf rejects becomes a status.
//
// Runs: companion.  Threads: one at a time.  Allocates: yes.
#pragma once

#include <libelf.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/symbol/mapped_file.h"

namespace limpet {

// See ElfImage::FindSection.
Elf_Data* FindSection(Elf* elf, const std::string& name);

// The content of a debug section once libdw has opened the file, which unpacks them; empty: none.
std::span<const std::uint8_t> DebugSection(Elf* elf, const std::string& name);

class ElfImage {
 public:
  // In relocatable objects addresses mean nothing, so they have no code for us; dwz writes what it
  // moves out as one.
  static absl::StatusOr<std::unique_ptr<ElfImage>> Open(const std::string& path,
                                                        const std::string& root);
  // `path` serves error messages.
  static absl::StatusOr<std::unique_ptr<ElfImage>> FromBytes(std::vector<char> bytes,
                                                             const std::string& path);
  // The object which the kernel maps into every process, as it is in ours.
  static absl::StatusOr<std::unique_ptr<ElfImage>> OpenVdso();

  ElfImage(const ElfImage&) = delete;
  ElfImage& operator=(const ElfImage&) = delete;
  ~ElfImage();

  Elf* elf() const { return elf_; }
  const std::string& path() const { return path_; }
  const std::string& build_id() const { return build_id_; }  // hex, empty: none
  std::span<const char> bytes() const;
  std::uint64_t changed_unix_ns() const { return file_.changed_unix_ns(); }  // 0: no file

  // Whether `address` lies in an executable segment. Symbols and debug information that claim
  // other addresses are leftovers of functions which the linker dropped.
  bool IsCode(std::uint64_t address) const { return CodeEnd(address) != 0; }
  // The end of the executable segment around `address`, 0 outside of all.
  std::uint64_t CodeEnd(std::uint64_t address) const;

  bool HasDebugInfo() const;
  // The content of the first section of that name as it is in the file; null if there is none.
  Elf_Data* FindSection(const std::string& name) const { return limpet::FindSection(elf_, name); }

  // Gives the section's resident pages back, which keeps a walk over a huge one small.
  void DropPages(const std::string& section_name) const;

 private:
  struct AddressRange {
    std::uint64_t begin;
    std::uint64_t end;
  };

  ElfImage(MappedFile file, std::vector<char> bytes, std::string path);
  absl::Status Load();
  bool HoldsSectionHeaders(std::span<const char> part) const;

  MappedFile file_;
  std::vector<char> bytes_;  // instead of `file_`
  Elf* elf_;
  std::string path_;
  std::string build_id_;
  std::vector<AddressRange> code_;
};

}  // namespace limpet
