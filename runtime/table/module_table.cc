#include "runtime/table/module_table.h"

#include <elf.h>

#include <cstring>

namespace limpet {
namespace {

constexpr std::uint64_t kPageMask = kSegmentPageBytes - 1;
constexpr std::uint64_t kMaxModules = 1 << 16;

bool IsInside(const LoadedObject& object, std::uint64_t address, std::uint64_t bytes) {
  return address >= object.map_start && address <= object.map_end &&
         object.map_end - address >= bytes;
}

const Elf64_Ehdr* HeaderOf(const LoadedObject& object) {
  auto* header = reinterpret_cast<const Elf64_Ehdr*>(object.map_start);
  bool is_elf =
      IsInside(object, object.map_start, sizeof(*header)) &&
      memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 && header->e_phentsize == sizeof(Elf64_Phdr) &&
      IsInside(object, object.map_start + header->e_phoff, header->e_phnum * sizeof(Elf64_Phdr));
  return is_elf ? header : nullptr;
}

// Notes are 4-byte aligned triples of sizes and type, the name, and the contents.
void ReadBuildId(const LoadedObject& object, const Elf64_Phdr& notes, ModuleSlot* slot) {
  std::uint64_t at = object.load_bias + notes.p_vaddr;
  std::uint64_t end = at + notes.p_memsz;
  if (!IsInside(object, at, notes.p_memsz)) return;
  while (end - at >= sizeof(Elf64_Nhdr)) {
    auto* note = reinterpret_cast<const Elf64_Nhdr*>(at);
    std::uint64_t name = at + sizeof(*note);
    std::uint64_t contents = name + ((std::uint64_t{note->n_namesz} + 3) & ~std::uint64_t{3});
    at = contents + ((std::uint64_t{note->n_descsz} + 3) & ~std::uint64_t{3});
    if (at > end) return;
    bool is_build_id = note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
                       memcmp(reinterpret_cast<const void*>(name), "GNU", 4) == 0;
    if (!is_build_id || note->n_descsz > kMaxBuildIdBytes) continue;
    memcpy(slot->build_id, reinterpret_cast<const void*>(contents), note->n_descsz);
    slot->build_id_bytes = note->n_descsz;
    return;
  }
}

// The executable part is what a profile's mapping means; an object without one is its whole range.
void ReadProgramHeaders(const LoadedObject& object, const Elf64_Ehdr& header, ModuleSlot* slot) {
  auto* program = reinterpret_cast<const Elf64_Phdr*>(object.map_start + header.e_phoff);
  bool has_code = false;
  for (int i = 0; i < header.e_phnum; ++i) {
    if (program[i].p_type == PT_NOTE && slot->build_id_bytes == 0)
      ReadBuildId(object, program[i], slot);
    if (program[i].p_type != PT_LOAD || (program[i].p_flags & PF_X) == 0 || has_code) continue;
    has_code = true;
    std::uint64_t start = object.load_bias + program[i].p_vaddr;
    slot->start = start & ~kPageMask;
    slot->end = (start + program[i].p_memsz + kPageMask) & ~kPageMask;
    slot->file_offset = program[i].p_offset & ~kPageMask;
  }
}

void Describe(const LoadedObject& object, ModuleSlot* slot) {
  slot->start = slot->map_start = object.map_start;
  slot->end = slot->map_end = object.map_end;
  slot->load_bias = object.load_bias;
  const Elf64_Ehdr* header = HeaderOf(object);
  if (header != nullptr) ReadProgramHeaders(object, *header, slot);
}

bool SameObject(const ModuleSlot& a, const ModuleSlot& b) {
  return a.map_start == b.map_start && a.map_end == b.map_end && a.load_bias == b.load_bias &&
         a.build_id_bytes == b.build_id_bytes &&
         memcmp(a.build_id, b.build_id, a.build_id_bytes) == 0;
}

}  // namespace

bool ModuleTable::Attach(SegmentWriter* segment, const char* executable) {
  segment_ = segment;
  slots_ = segment->Entries<ModuleSlot>(SectionKind::kModules);
  section_ = &segment->Section(SectionKind::kModules);
  executable_ = executable;
  for (auto& hint : hints_) hint.store(0, std::memory_order_relaxed);
  adding_.store(0, std::memory_order_relaxed);
  known_.store(1, std::memory_order_relaxed);
  std::uint64_t none = 0;
  return segment->Claim(*section_, 1, &none);
}

// Paths of modules that the parent entered after the fork are copied with the others; nobody refers
// to them.
bool ModuleTable::CopyTo(const SegmentFile& file, ModuleCopy* copy) const {
  if (adding_.load(std::memory_order_relaxed) != 0) return false;
  const SectionEntry& strings = segment_->Section(SectionKind::kStrings);
  *copy = {.modules = known_.load(std::memory_order_relaxed),
           .string_bytes = strings.used.load(std::memory_order_acquire)};
  return segment_->CopyEntries(*section_, copy->modules, file) &&
         segment_->CopyEntries(strings, copy->string_bytes, file) &&
         // Whoever ends says so before it gives its memory back.
         segment_->header()->state.load(std::memory_order_acquire) != SegmentState::kExited;
}

bool ModuleTable::AttachCopy(const ModuleCopy& copy) {
  std::uint64_t first = 0;
  return segment_->Claim(*section_, copy.modules, &first) &&
         segment_->Claim(segment_->Section(SectionKind::kStrings), copy.string_bytes, &first);
}

std::uint16_t ModuleTable::IdOf(const LoadedObject& object) {
  ModuleSlot described = {};
  Describe(object, &described);
  const char* path = object.path == nullptr || *object.path == '\0' ? executable_ : object.path;
  std::atomic<std::uint16_t>& hint = hints_[(object.map_start >> 12) % kHintSlots];
  std::uint16_t id = hint.load(std::memory_order_acquire);
  if (id == 0 || !IsSame(slots_[id], described, path)) id = Find(described, path);
  if (id == 0) id = Add(described, path);
  hint.store(id, std::memory_order_release);
  return id;
}

std::uint16_t ModuleTable::Find(const ModuleSlot& wanted, const char* path) {
  std::uint64_t used = section_->used.load(std::memory_order_acquire);
  for (std::uint64_t id = used - 1; id > 0; --id) {
    bool is_ready = slots_[id].ready.load(std::memory_order_acquire) != 0;  // pairs with Add
    if (is_ready && IsSame(slots_[id], wanted, path)) return static_cast<std::uint16_t>(id);
  }
  return 0;
}

bool ModuleTable::IsSame(const ModuleSlot& slot, const ModuleSlot& wanted, const char* path) const {
  if (!SameObject(slot, wanted)) return false;
  const char* stored = segment_->Entries<char>(SectionKind::kStrings) + slot.path_offset;
  std::size_t bytes = strlen(path);
  return bytes == slot.path_bytes && memcmp(stored, path, bytes) == 0;
}

// Two threads may enter the same module at once; readers see it twice and merge its stacks by name.
std::uint16_t ModuleTable::Add(const ModuleSlot& described, const char* path) {
  adding_.fetch_add(1, std::memory_order_relaxed);
  std::uint16_t id = Enter(described, path);
  std::uint64_t known = known_.load(std::memory_order_relaxed);
  while (known <= id && !known_.compare_exchange_weak(known, id + 1, std::memory_order_relaxed)) {
  }
  adding_.fetch_sub(1, std::memory_order_relaxed);
  return id;
}

std::uint16_t ModuleTable::Enter(const ModuleSlot& described, const char* path) {
  std::uint64_t id = 0;
  bool has_room = section_->used.load(std::memory_order_relaxed) < kMaxModules &&
                  segment_->Claim(*section_, 1, &id) && id < kMaxModules &&
                  StorePath(path, &slots_[id]);
  if (!has_room) {
    segment_->counters().dropped_modules_full.fetch_add(1, std::memory_order_relaxed);
    return 0;
  }
  ModuleSlot* slot = &slots_[id];
  slot->start = described.start;
  slot->end = described.end;
  slot->load_bias = described.load_bias;
  slot->file_offset = described.file_offset;
  slot->map_start = described.map_start;
  slot->map_end = described.map_end;
  slot->build_id_bytes = described.build_id_bytes;
  memcpy(slot->build_id, described.build_id, sizeof(slot->build_id));
  slot->ready.store(1, std::memory_order_release);  // pairs with the acquire in Find and in readers
  return static_cast<std::uint16_t>(id);
}

bool ModuleTable::StorePath(const char* path, ModuleSlot* slot) {
  std::size_t bytes = strlen(path);
  std::uint64_t offset = 0;
  if (bytes == 0) return true;
  if (!segment_->Claim(segment_->Section(SectionKind::kStrings), bytes, &offset)) return false;
  memcpy(segment_->Entries<char>(SectionKind::kStrings) + offset, path, bytes);
  slot->path_offset = static_cast<std::uint32_t>(offset);
  slot->path_bytes = static_cast<std::uint32_t>(bytes);
  return true;
}

}  // namespace limpet
