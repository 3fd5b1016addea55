#include "tools/symbol/symbol_table.h"

#include <gelf.h>

#include <algorithm>
#include <tuple>

namespace limpet {
namespace {

// More than any real module has, and what fits the index.
constexpr std::size_t kMaxSymbols = 64'000'000;

bool IsFunction(const GElf_Sym& symbol) {
  const int type = GELF_ST_TYPE(symbol.st_info);
  return (type == STT_FUNC || type == STT_GNU_IFUNC) && symbol.st_shndx != SHN_UNDEF;
}

std::uint8_t BindingRank(const GElf_Sym& symbol) {
  switch (GELF_ST_BIND(symbol.st_info)) {
    case STB_GLOBAL:
    case STB_GNU_UNIQUE:
      return 0;
    case STB_LOCAL:
      return 1;
    default:
      return 2;
  }
}

std::size_t LeadingUnderscores(const std::string& name) {
  return std::min(name.find_first_not_of('_'), name.size());
}

}  // namespace

SymbolTable::SymbolTable(const std::vector<const ElfImage*>& images) {
  for (const ElfImage* image : images) Collect(*images.front(), *image);
  KeepBestNames();
  BuildIndex(*images.front());
  // From here on only single names are read.
  for (const ElfImage* image : images) {
    image->DropPages(".symtab");
    image->DropPages(".strtab");
  }
}

std::optional<FunctionSymbol> SymbolTable::Find(std::uint64_t address) const {
  const std::uint32_t found = index_.Find(address);
  if (found == IntervalIndex::kNone) return std::nullopt;
  const Entry& entry = entries_[found];
  FunctionSymbol symbol{NameOf(entry), entry.address};
  symbol.name.resize(std::min(symbol.name.find('@'), symbol.name.size()));
  if (symbol.name.empty()) return std::nullopt;
  return symbol;
}

void SymbolTable::Collect(const ElfImage& code, const ElfImage& image) {
  for (Elf_Scn* section = elf_nextscn(image.elf(), nullptr); section != nullptr;
       section = elf_nextscn(image.elf(), section)) {
    CollectSection(code, image.elf(), section);
  }
}

void SymbolTable::CollectSection(const ElfImage& code, Elf* elf, Elf_Scn* section) {
  GElf_Shdr header;
  if (gelf_getshdr(section, &header) == nullptr) return;
  if (header.sh_type != SHT_SYMTAB && header.sh_type != SHT_DYNSYM) return;
  Elf_Data* content = elf_getdata(section, nullptr);
  const std::size_t entry_size = gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT);
  if (content == nullptr || content->d_buf == nullptr || entry_size == 0 ||
      names_.size() > UINT16_MAX)
    return;
  const auto names = static_cast<std::uint16_t>(names_.size());
  names_.push_back({elf, header.sh_link});
  const std::size_t count = std::min(content->d_size / entry_size, kMaxSymbols - entries_.size());
  for (std::size_t index = 0; index < count; ++index) {
    GElf_Sym symbol;
    if (gelf_getsym(content, static_cast<int>(index), &symbol) == nullptr) break;
    if (!IsFunction(symbol) || !code.IsCode(symbol.st_value)) continue;
    entries_.push_back(
        {symbol.st_value, symbol.st_size, symbol.st_name, names, BindingRank(symbol)});
  }
}

void SymbolTable::KeepBestNames() {
  std::sort(entries_.begin(), entries_.end(), [this](const Entry& left, const Entry& right) {
    if (left.address != right.address) return left.address < right.address;
    return IsBetter(left, right);
  });
  const auto last = std::unique(
      entries_.begin(), entries_.end(),
      [](const Entry& left, const Entry& right) { return left.address == right.address; });
  entries_.erase(last, entries_.end());
  entries_.shrink_to_fit();
}

void SymbolTable::BuildIndex(const ElfImage& code) {
  std::vector<IntervalIndex::Interval> intervals;
  intervals.reserve(entries_.size());
  for (std::size_t index = 0; index < entries_.size(); ++index) {
    const Entry& entry = entries_[index];
    const std::uint64_t segment_end = code.CodeEnd(entry.address);
    std::uint64_t end = segment_end;
    if (entry.size != 0) {
      end = entry.address + std::min(entry.size, segment_end - entry.address);
    } else if (index + 1 < entries_.size()) {
      end = std::min(segment_end, entries_[index + 1].address);
    }
    // A bare label inside a function with a size does not take over its rest.
    const std::uint32_t rank = entry.size != 0 ? 1 : 0;
    intervals.push_back({entry.address, end, static_cast<std::uint32_t>(index), rank});
  }
  index_ = IntervalIndex(std::move(intervals));
}

bool SymbolTable::IsBetter(const Entry& left, const Entry& right) const {
  if ((left.size == 0) != (right.size == 0)) return left.size != 0;
  if (left.binding_rank != right.binding_rank) return left.binding_rank < right.binding_rank;
  const std::string left_name = NameOf(left);
  const std::string right_name = NameOf(right);
  const auto rank = [](const std::string& name) {
    return std::tuple(name.empty(), name.find('@') != std::string::npos, LeadingUnderscores(name),
                      name.size());
  };
  return std::tuple(rank(left_name), left_name) < std::tuple(rank(right_name), right_name);
}

std::string SymbolTable::NameOf(const Entry& entry) const {
  const Names& names = names_[entry.names];
  const char* name = elf_strptr(names.elf, names.section, entry.name_offset);
  return name == nullptr ? "" : name;
}

}  // namespace limpet
