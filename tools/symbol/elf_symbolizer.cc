#include "tools/symbol/elf_symbolizer.h"

namespace limpet {
namespace {

// What /proc/PID/maps appends to the path of a file that was unlinked.
constexpr char kDeleted[] = " (deleted)";

// The heap, stacks, generated code, memfds: nothing that a file on disk would name.
bool HasNoFile(const std::string& path) {
  const bool is_vdso = path == "[vdso]";
  return path.empty() || path.starts_with("//anon") || path.starts_with("/memfd:") ||
         (path.starts_with('[') && !is_vdso);
}

}  // namespace

std::vector<SourceFrame> ElfSymbolizer::Resolve(const ModuleFile& module,
                                                std::uint64_t file_address) {
  ModuleIndex* index = Find(module);
  return index == nullptr ? std::vector<SourceFrame>() : index->Resolve(file_address);
}

// What could not be opened stays known: one complaint is enough.
void ElfSymbolizer::Forget() {
  std::erase_if(modules_, [](const auto& module) { return module.second != nullptr; });
}

ModuleIndex* ElfSymbolizer::Find(const ModuleFile& module) {
  const auto [entry, is_new] = modules_.try_emplace({module.path, module.build_id});
  if (is_new) entry->second = Open(module);
  return entry->second.get();
}

std::unique_ptr<ModuleIndex> ElfSymbolizer::Open(const ModuleFile& module) {
  ModuleFile file = module;
  if (file.path.ends_with(kDeleted)) file.path.resize(file.path.size() - (sizeof(kDeleted) - 1));
  if (HasNoFile(file.path)) return nullptr;
  auto index = ModuleIndex::Open(file, place_);
  if (index.ok()) return *std::move(index);
  complaints_.emplace_back(index.status().message());
  return nullptr;
}

}  // namespace limpet
