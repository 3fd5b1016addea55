#include "tools/launch/program_check.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "tools/launch/command_path.h"
#include "tools/launch/elf_facts.h"

namespace limpet {
namespace {

constexpr absl::string_view kGlibcLinker = "ld-linux-x86-64.so.2";

struct KnownLibrary {
  absl::string_view prefix;  // of its soname
  absl::string_view name;
};
constexpr KnownLibrary kAllocatorLibraries[] = {
    {"libjemalloc.so", "jemalloc"},
    {"libtcmalloc", "tcmalloc"},
    {"libmimalloc.so", "mimalloc"},
    {"libtbbmalloc_proxy", "tbbmalloc"},
};

absl::string_view BaseName(absl::string_view path) { return path.substr(path.rfind('/') + 1); }

// The loader of a program whose rights grow at its start ignores a preload given by path.
void CheckPrivileges(const std::string& path, const std::string& shown, Findings* findings) {
  struct stat file;
  struct statvfs mount;
  if (stat(path.c_str(), &file) != 0 || statvfs(path.c_str(), &mount) != 0) return;
  if ((mount.f_flag & ST_NOSUID) != 0) return;
  if ((file.st_mode & S_ISUID) != 0 && file.st_uid != getuid()) {
    Add(findings, Severity::kBlocks,
        absl::StrCat(shown, " is set-user-ID, so the loader ignores LD_PRELOAD"),
        absl::StrCat("start it as user ", file.st_uid, ", or trace a copy without the s bit"));
  }
  constexpr mode_t kSetGroup = S_ISGID | S_IXGRP;
  if ((file.st_mode & kSetGroup) == kSetGroup && file.st_gid != getgid()) {
    Add(findings, Severity::kBlocks,
        absl::StrCat(shown, " is set-group-ID, so the loader ignores LD_PRELOAD"),
        absl::StrCat("start it as group ", file.st_gid, ", or trace a copy without the s bit"));
  }
  // To root the capabilities of a file add nothing.
  bool has_capabilities = getxattr(path.c_str(), "security.capability", nullptr, 0) > 0;
  if (has_capabilities && getuid() != 0) {
    Add(findings, Severity::kBlocks,
        absl::StrCat(shown, " has file capabilities, so the loader ignores LD_PRELOAD"),
        "give the capability to the starting process instead (setpriv, AmbientCapabilities=), or "
        "trace a copy: cp drops them");
  }
}

// What keeps the loader from preloading at all. At most one holds.
void CheckLoader(const ElfFacts& facts, const std::string& shown, Findings* findings) {
  if (!facts.is_native) {
    Add(findings, Severity::kBlocks,
        absl::StrCat(shown, " is a ", facts.machine, " program; liblimpet.so is 64-bit x86-64"),
        "trace a 64-bit x86-64 build of it");
  } else if (facts.interpreter.empty()) {
    Add(findings, Severity::kBlocks,
        absl::StrCat(shown, " is linked statically, so nothing can be preloaded"),
        facts.is_go ? "use Go's own profiles: import net/http/pprof"
                    : "link it dynamically (without -static)");
  } else if (absl::StrContains(facts.interpreter, "ld-musl")) {
    Add(findings, Severity::kBlocks, absl::StrCat(shown, " uses musl; liblimpet.so is for glibc"),
        "trace a build for a glibc system");
  } else if (BaseName(facts.interpreter) != kGlibcLinker) {
    Add(findings, Severity::kBlocks,
        absl::StrCat(shown, " asks for the loader ", facts.interpreter, ", which is not glibc's"),
        "trace a build for a glibc system");
  }
}

void CheckAllocator(const ElfFacts& facts, const std::string& shown, Findings* findings) {
  if (facts.exports_malloc) {
    Add(findings, Severity::kLimits,
        absl::StrCat(shown, " defines malloc itself, before any library: its heap is not seen"),
        "link the allocator as a shared library, or not at all (`limpet run --allocator "
        "jemalloc`)");
  } else if (facts.hides_malloc) {
    Add(findings, Severity::kLimits,
        absl::StrCat(shown, " has a malloc of its own: only the heap of its libraries is seen"),
        "link the allocator as a shared library, or not at all (`limpet run --allocator "
        "jemalloc`)");
  } else if (!facts.allocator.empty()) {
    Add(findings, Severity::kLimits,
        absl::StrCat(shown, " has ", facts.allocator,
                     " built in under names of its own: what it serves is not seen"),
        "build it without that allocator, or link it as a shared library");
  }
}

void CheckRuntime(const ElfFacts& facts, const std::string& shown, Findings* findings) {
  if (facts.is_go) {
    Add(findings, Severity::kLimits,
        absl::StrCat(shown, " is a Go program: Go's heap does not use malloc, only cgo's is seen"),
        "use Go's own profiles for Go's heap: import net/http/pprof");
  }
  for (const std::string& soname : facts.needed) {
    for (const KnownLibrary& library : kAllocatorLibraries) {
      if (!absl::StartsWith(soname, library.prefix)) continue;
      Add(findings, Severity::kNote,
          absl::StrCat(shown, " allocates by ", library.name, " (", soname, "), which works"), "");
    }
  }
}

}  // namespace

Findings CheckElfFile(const std::string& path, const std::string& shown) {
  Findings findings;
  absl::StatusOr<ElfFacts> facts = ReadElfFacts(path);
  CheckPrivileges(path, shown, &findings);
  if (!facts.ok()) {
    Add(&findings, Severity::kLimits,
        absl::StrCat(shown, " cannot be judged: ", facts.status().message()), "");
    return findings;
  }
  CheckLoader(*facts, shown, &findings);
  if (!facts->interpreter.empty() && !facts->sanitizer.empty()) {
    // Its runtime has to come first and brings its own malloc: the two do not go together.
    Add(&findings, Severity::kBlocks,
        absl::StrCat(shown, " is built with ", facts->sanitizer, ", which needs malloc for itself"),
        "trace a build without -fsanitize");
  } else if (!IsBlocked(findings)) {
    CheckAllocator(*facts, shown, &findings);
    CheckRuntime(*facts, shown, &findings);
  }
  return findings;
}

absl::StatusOr<ProgramReport> CheckCommand(const std::string& command,
                                           const std::string& search_path) {
  absl::StatusOr<std::string> file = FindCommand(command, search_path);
  if (!file.ok()) return file.status();
  absl::StatusOr<std::string> program = FindProgram(*file, search_path);
  if (!program.ok()) return program.status();

  ProgramReport report{*file, *program, {}};
  if (report.file != report.program) {
    Add(&report.findings, Severity::kNote,
        absl::StrCat(report.file, " is a script; ", report.program, " runs it"), "");
  }
  for (Finding& finding : CheckElfFile(report.program, report.program)) {
    report.findings.push_back(std::move(finding));
  }
  return report;
}

}  // namespace limpet
