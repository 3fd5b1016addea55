#include "tools/launch/process_check.h"

#include <elf.h>
#include <signal.h>

#include <cstring>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "runtime/setting/value_grammar.h"
#include "tools/launch/program_check.h"
#include "tools/reader/process_facts.h"
#include "tools/reader/small_file.h"

namespace limpet {
namespace {

constexpr char kLibrary[] = "liblimpet.so";

struct Process {
  std::uint32_t pid = 0;
  std::string proc;
  ProcessFacts facts;

  [[nodiscard]] std::string File(absl::string_view name) const {
    return absl::StrCat(proc, "/", pid, "/", name);
  }
  [[nodiscard]] std::string Shown() const {
    return absl::StrCat("process ", pid, " (", facts.executable, ")");
  }
  [[nodiscard]] std::optional<std::string> Variable(const std::string& name) const {
    return ReadEnvironment(pid, name, proc);
  }
};

// The kernel's own word on whether the loader distrusted the environment.
bool IsSecure(const Process& process) {
  const std::string auxiliary = ReadSmallFile(process.File("auxv")).value_or("");
  Elf64_auxv_t entry;
  for (std::size_t at = 0; at + sizeof(entry) <= auxiliary.size(); at += sizeof(entry)) {
    std::memcpy(&entry, auxiliary.data() + at, sizeof(entry));
    if (entry.a_type == AT_SECURE) return entry.a_un.a_val != 0;
  }
  return false;
}

// A mask of /proc/PID/status has bit n-1 for signal n.
bool HasSignal(const std::string& status, absl::string_view mask_name, int signal) {
  for (absl::string_view line : absl::StrSplit(status, '\n')) {
    if (!absl::ConsumePrefix(&line, absl::StrCat(mask_name, ":\t"))) continue;
    std::uint64_t mask = 0;
    return absl::SimpleHexAtoi(line, &mask) && ((mask >> (signal - 1)) & 1) != 0;
  }
  return false;
}

void ExplainUntraced(const Process& process, Findings* findings) {
  for (Finding& finding : CheckElfFile(process.File("exe"), process.facts.executable)) {
    findings->push_back(std::move(finding));
  }
  if (IsBlocked(*findings)) return;
  const std::string preload = process.Variable("LD_PRELOAD").value_or("");
  if (!absl::StrContains(preload, kLibrary)) {
    Add(findings, Severity::kBlocks,
        absl::StrCat(process.Shown(), " was started without liblimpet.so"),
        "start it by `limpet run -- CMD`, or with LD_PRELOAD; a running process is never entered");
  } else if (IsSecure(process)) {
    Add(findings, Severity::kBlocks,
        absl::StrCat(process.Shown(),
                     " gained rights at its start, so the loader ignored LD_PRELOAD"),
        "start it as the user it changes to");
  } else {
    Add(findings, Severity::kBlocks,
        absl::StrCat(process.Shown(), " has LD_PRELOAD=", preload,
                     " but the library is not mapped: the loader could not open it"),
        "check that the file is there and readable, as the process sees it");
  }
}

// SIGUSR1 ends a process that does not expect it, so what it does is worth a line.
void CheckSignal(const Process& process, bool is_traced, Findings* findings) {
  const std::string text = process.Variable("LIMPET_SIGNAL").value_or("USR1");
  int signal = SIGUSR1;  // what the target takes where the text is none
  (void)ParseSignal(text.c_str(), &signal);
  if (signal == 0) return;
  const std::string status = ReadSmallFile(process.File("status")).value_or("");
  const std::string name = absl::StrCat("signal ", signal);
  constexpr char kCure[] = "use `limpet dump PID`, which needs no signal, or set LIMPET_SIGNAL";
  if (HasSignal(status, "SigBlk", signal)) {
    Add(findings, Severity::kNote, absl::StrCat(name, " is blocked in its main thread"), kCure);
  }
  if (HasSignal(status, "SigIgn", signal)) {
    Add(findings, Severity::kLimits, absl::StrCat(name, " is ignored: it asks for no dump"), kCure);
  } else if (!HasSignal(status, "SigCgt", signal)) {
    Add(findings, is_traced ? Severity::kLimits : Severity::kNote,
        absl::StrCat(name, " has no handler: sending it would end the process"), kCure);
  }
}

}  // namespace

absl::StatusOr<ProcessReport> CheckProcess(std::uint32_t pid, const std::string& proc) {
  absl::StatusOr<ProcessFacts> facts = ReadProcess(pid, proc);
  if (!facts.ok()) return facts.status();
  if (!facts->is_alive) return absl::NotFoundError(absl::StrCat("process ", pid, " has ended"));
  if (!facts->has_limpet.has_value()) {
    return absl::PermissionDeniedError(
        absl::StrCat("process ", pid, " belongs to user ", facts->uid, ": run this as that user"));
  }
  const Process process{pid, proc, *facts};
  ProcessReport report{facts->executable, *facts->has_limpet, {}};
  if (report.is_traced) {
    Add(&report.findings, Severity::kNote, process.Shown() + " is traced", "");
    if (process.Variable("LIMPET_DISABLE").value_or("0") == "1") {
      Add(&report.findings, Severity::kBlocks, "LIMPET_DISABLE=1 switches tracing off",
          "start it without that variable");
    }
  } else {
    ExplainUntraced(process, &report.findings);
  }
  CheckSignal(process, report.is_traced, &report.findings);
  return report;
}

}  // namespace limpet
