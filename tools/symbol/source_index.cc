#include "tools/symbol/source_index.h"

#include <utility>

namespace limpet {
namespace {

// Many units of a C++ program. A profile that is spread more widely, and not asked for in order of
// address, pays with reading some of them again.
constexpr std::size_t kMaxHeldBytes = 32 << 20;
// libdw keeps the abbreviations of each.
constexpr std::size_t kMaxDecodedUnits = 256;

// A name that is read makes some pages of the file resident, 16 at a time; a unit, hundreds; where
// the page cache has huge pages, 512 at a time. Counted in names, this is how much may gather.
constexpr std::size_t kMaxTouched = 24;
constexpr std::size_t kTouchedByUnit = 8;

}  // namespace

SourceIndex::SourceIndex(std::unique_ptr<DwarfFile> file, const ElfImage& code,
                         const SymbolTable& symbols)
    : file_(std::move(file)),
      code_(code),
      symbols_(symbols),
      table_(*file_, code),
      // libdw has taken note of every unit in that pass: makes the first read start afresh.
      decoded_units_(kMaxDecodedUnits + 1) {}

std::vector<SourceFrame> SourceIndex::Resolve(std::uint64_t address) {
  SourceUnit* unit = FindUnit(address);
  if (unit == nullptr) return {};
  NoteTouched(1);
  const std::size_t bytes = unit->HeldBytes();
  std::vector<SourceFrame> frames = unit->Resolve(address, *file_, code_, symbols_);
  held_bytes_ += unit->HeldBytes() - bytes;
  return frames;
}

SourceUnit* SourceIndex::FindUnit(std::uint64_t address) {
  const std::optional<Dwarf_Off> offset = table_.Find(address);
  if (!offset.has_value()) return nullptr;
  const auto known = units_.find(*offset);
  return known != units_.end() ? known->second.get() : ReadUnit(*offset);
}

SourceUnit* SourceIndex::ReadUnit(Dwarf_Off offset) {
  Dwarf_Die top;
  if (!MakeRoom() || dwarf_offdie(file_->dwarf(), offset, &top) == nullptr) return nullptr;
  NoteTouched(kTouchedByUnit);
  auto unit = std::make_unique<SourceUnit>(top, code_);
  held_bytes_ += unit->HeldBytes();
  ++decoded_units_;
  return units_.emplace(offset, std::move(unit)).first->second.get();
}

void SourceIndex::NoteTouched(std::size_t names) {
  touched_ += names;
  if (touched_ < kMaxTouched) return;
  touched_ = 0;
  file_->DropPages();
}

bool SourceIndex::MakeRoom() {
  if (held_bytes_ > kMaxHeldBytes) {
    units_.clear();
    held_bytes_ = 0;
  }
  if (decoded_units_ <= kMaxDecodedUnits) return true;
  decoded_units_ = 0;
  return file_->Reopen().ok();
}

}  // namespace limpet
