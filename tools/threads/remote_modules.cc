#include "tools/threads/remote_modules.h"

#include <elf.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/escaping.h"
#include "runtime/layout/module_slot.h"

namespace limpet {
namespace {

constexpr std::size_t kMaxProgramHeaders = 64;
constexpr std::uint64_t kMaxNoteBytes = 4096;

// What the program headers at the start of an object say of it.
struct ObjectFacts {
  std::uint64_t load_bias = 0;
  std::uint64_t unwind_table = 0;
  std::string build_id;
};

std::uint64_t Aligned(std::uint64_t bytes) { return (bytes + 3) / 4 * 4; }

// Hex of the GNU build id in notes of `bytes` at `address`.
std::string ReadBuildId(RemoteMemory& memory, std::uint64_t address, std::uint64_t bytes) {
  bytes = std::min(bytes, kMaxNoteBytes);
  for (std::uint64_t offset = 0; offset + sizeof(Elf64_Nhdr) <= bytes;) {
    Elf64_Nhdr note{};
    if (!memory.ReadValue(address + offset, note)) break;
    const std::uint64_t content = offset + sizeof(note) + Aligned(note.n_namesz);
    if (note.n_type == NT_GNU_BUILD_ID && note.n_descsz <= kMaxBuildIdBytes) {
      std::string id(note.n_descsz, '\0');
      return memory.Read(address + content, id.data(), id.size()) ? absl::BytesToHexString(id) : "";
    }
    offset = content + Aligned(note.n_descsz);
  }
  return "";
}

std::optional<ObjectFacts> ReadObject(RemoteMemory& memory, std::uint64_t base) {
  Elf64_Ehdr header{};
  const bool is_object = memory.ReadValue(base, header) &&
                         std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
                         header.e_phentsize == sizeof(Elf64_Phdr);
  if (!is_object) return std::nullopt;
  std::vector<Elf64_Phdr> parts(std::min<std::size_t>(header.e_phnum, kMaxProgramHeaders));
  if (!memory.Read(base + header.e_phoff, parts.data(), parts.size() * sizeof(Elf64_Phdr))) {
    return std::nullopt;
  }
  const auto first = std::find_if(parts.begin(), parts.end(), [](const Elf64_Phdr& part) {
    return part.p_type == PT_LOAD && part.p_offset == 0;
  });
  if (first == parts.end()) return std::nullopt;
  ObjectFacts facts{.load_bias = base - first->p_vaddr};
  for (const Elf64_Phdr& part : parts) {
    const std::uint64_t address = facts.load_bias + part.p_vaddr;
    if (part.p_type == PT_GNU_EH_FRAME) facts.unwind_table = address;
    if (part.p_type == PT_NOTE && facts.build_id.empty()) {
      facts.build_id = ReadBuildId(memory, address, part.p_memsz);
    }
  }
  return facts;
}

}  // namespace

RemoteModules::RemoteModules(const std::string& maps, RemoteMemory& memory) {
  std::optional<ObjectFacts> object;
  std::string path;
  for (const MappedRange& range : ParseMaps(maps)) {
    const bool is_start = range.file_offset == 0 && !range.path.empty();
    if (is_start && (range.path != path || !range.is_executable || !object.has_value())) {
      object = ReadObject(memory, range.start);
      path = range.path;
    }
    if (!range.is_executable || range.path != path || !object.has_value()) continue;
    modules_.push_back({{.start = range.start,
                         .end = range.end,
                         .load_bias = object->load_bias,
                         .file_offset = range.file_offset,
                         .path = range.path,
                         .build_id = object->build_id},
                        object->unwind_table});
  }
}

const RemoteModule* RemoteModules::Find(std::uint64_t address) const {
  const auto behind = std::upper_bound(
      modules_.begin(), modules_.end(), address,
      [](std::uint64_t value, const RemoteModule& module) { return value < module.record.start; });
  if (behind == modules_.begin()) return nullptr;
  const RemoteModule& module = *(behind - 1);
  return address < module.record.end ? &module : nullptr;
}

}  // namespace limpet
