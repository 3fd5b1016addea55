#include "tools/launch/elf_facts.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace limpet {
namespace {

struct KnownName {
  absl::string_view symbol;
  absl::string_view meaning;
};

// Each sanitizer's runtime is started by a call to this name, wherever the runtime lies.
constexpr KnownName kSanitizers[] = {
    {"__asan_init", "AddressSanitizer"}, {"__hwasan_init", "HWAddressSanitizer"},
    {"__tsan_init", "ThreadSanitizer"},  {"__msan_init", "MemorySanitizer"},
    {"__lsan_init", "LeakSanitizer"},
};

// Allocators that are often linked in with a prefix, so that their users call them directly.
constexpr KnownName kPrefixedAllocators[] = {
    {"_rjem_malloc", "jemalloc"},  {"_rjem_mallocx", "jemalloc"}, {"je_malloc", "jemalloc"},
    {"je_arena_init", "jemalloc"}, {"mi_malloc", "mimalloc"},     {"mi_heap_malloc", "mimalloc"},
    {"tc_malloc", "tcmalloc"},     {"sn_malloc", "snmalloc"},     {"scudo_malloc", "scudo"},
};

absl::string_view MeaningOf(absl::string_view symbol, const auto& names) {
  for (const KnownName& name : names) {
    if (name.symbol == symbol) return name.meaning;
  }
  return {};
}

std::string MachineName(const GElf_Ehdr& header) {
  std::string bits = header.e_ident[EI_CLASS] == ELFCLASS64 ? "64-bit " : "32-bit ";
  switch (header.e_machine) {
    case EM_X86_64:
      return bits + "x86-64";
    case EM_386:
      return bits + "i386";
    case EM_AARCH64:
      return bits + "aarch64";
    case EM_ARM:
      return bits + "arm";
    case EM_RISCV:
      return bits + "riscv";
    default:
      return absl::StrCat(bits, "machine ", header.e_machine);
  }
}

// A file open for reading by libelf; closes what it opened.
class ElfFile {
 public:
  explicit ElfFile(const std::string& path)
      : descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC)), open_errno_(errno) {
    if (descriptor_ < 0 || elf_version(EV_CURRENT) == EV_NONE) return;
    elf_ = elf_begin(descriptor_, ELF_C_READ_MMAP, nullptr);
  }
  ~ElfFile() {
    if (elf_ != nullptr) elf_end(elf_);
    if (descriptor_ >= 0) close(descriptor_);
  }
  ElfFile(const ElfFile&) = delete;
  ElfFile& operator=(const ElfFile&) = delete;

  [[nodiscard]] absl::Status Check(const std::string& path) const {
    if (descriptor_ < 0) return absl::ErrnoToStatus(open_errno_, path);
    if (elf_ == nullptr || elf_kind(elf_) != ELF_K_ELF) {
      return absl::InvalidArgumentError(path + " is not an ELF program");
    }
    return absl::OkStatus();
  }
  [[nodiscard]] Elf* get() const { return elf_; }

 private:
  int descriptor_;
  int open_errno_;
  Elf* elf_ = nullptr;
};

void ReadInterpreter(Elf* elf, ElfFacts* facts) {
  std::size_t count = 0;
  if (elf_getphdrnum(elf, &count) != 0) return;
  std::size_t file_bytes = 0;
  const char* file = elf_rawfile(elf, &file_bytes);
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr segment;
    if (gelf_getphdr(elf, static_cast<int>(i), &segment) == nullptr) return;
    if (segment.p_type != PT_INTERP || file == nullptr) continue;
    if (segment.p_offset >= file_bytes || segment.p_filesz > file_bytes - segment.p_offset) return;
    absl::string_view text(file + segment.p_offset, segment.p_filesz);
    facts->interpreter = std::string(text.substr(0, text.find('\0')));
  }
}

void ReadNeeded(Elf* elf, Elf_Scn* section, const GElf_Shdr& header, ElfFacts* facts) {
  Elf_Data* entries = elf_getdata(section, nullptr);
  GElf_Dyn entry;
  for (int i = 0; entries != nullptr && gelf_getdyn(entries, i, &entry) != nullptr; ++i) {
    if (entry.d_tag != DT_NEEDED) continue;
    const char* name = elf_strptr(elf, header.sh_link, entry.d_un.d_val);
    if (name != nullptr) facts->needed.emplace_back(name);
  }
}

bool IsDefinedFunction(const GElf_Sym& symbol) {
  int type = GELF_ST_TYPE(symbol.st_info);
  return symbol.st_shndx != SHN_UNDEF && (type == STT_FUNC || type == STT_GNU_IFUNC);
}

void JudgeSymbol(absl::string_view name, const GElf_Sym& symbol, bool is_exported,
                 ElfFacts* facts) {
  if (absl::string_view meaning = MeaningOf(name, kSanitizers); !meaning.empty()) {
    facts->sanitizer = std::string(meaning);
  }
  if (!IsDefinedFunction(symbol)) return;
  if (name == "malloc") (is_exported ? facts->exports_malloc : facts->hides_malloc) = true;
  if (absl::string_view meaning = MeaningOf(name, kPrefixedAllocators); !meaning.empty()) {
    facts->allocator = std::string(meaning);
  }
}

void ReadSymbols(Elf* elf, Elf_Scn* section, const GElf_Shdr& header, ElfFacts* facts) {
  Elf_Data* entries = elf_getdata(section, nullptr);
  GElf_Sym symbol;
  for (int i = 0; entries != nullptr && gelf_getsym(entries, i, &symbol) != nullptr; ++i) {
    const char* name = elf_strptr(elf, header.sh_link, symbol.st_name);
    if (name != nullptr) JudgeSymbol(name, symbol, header.sh_type == SHT_DYNSYM, facts);
  }
}

bool IsGoSection(absl::string_view name) {
  return name == ".go.buildinfo" || name == ".note.go.buildid" || name == ".gopclntab";
}

void ReadSections(Elf* elf, ElfFacts* facts) {
  std::size_t names = 0;
  if (elf_getshdrstrndx(elf, &names) != 0) return;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf, section)) != nullptr;) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr) continue;
    if (header.sh_type == SHT_DYNAMIC) ReadNeeded(elf, section, header, facts);
    if (header.sh_type == SHT_DYNSYM || header.sh_type == SHT_SYMTAB) {
      ReadSymbols(elf, section, header, facts);
    }
    const char* name = elf_strptr(elf, names, header.sh_name);
    if (name != nullptr && IsGoSection(name)) facts->is_go = true;
  }
}

}  // namespace

absl::StatusOr<ElfFacts> ReadElfFacts(const std::string& path) {
  ElfFile file(path);
  if (absl::Status status = file.Check(path); !status.ok()) return status;
  GElf_Ehdr header;
  if (gelf_getehdr(file.get(), &header) == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", elf_errmsg(-1)));
  }
  ElfFacts facts;
  facts.machine = MachineName(header);
  facts.is_native = header.e_machine == EM_X86_64 && header.e_ident[EI_CLASS] == ELFCLASS64;
  ReadInterpreter(file.get(), &facts);
  ReadSections(file.get(), &facts);
  // The same symbol stands in both tables; what is exported is not hidden.
  if (facts.exports_malloc) facts.hides_malloc = false;
  return facts;
}

}  // namespace limpet
