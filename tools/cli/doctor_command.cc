#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/setting/setting_table.h"
#include "tools/cli/commands.h"
#include "tools/launch/command_path.h"
#include "tools/launch/machine_check.h"
#include "tools/launch/preload_library.h"
#include "tools/launch/process_check.h"
#include "tools/launch/program_check.h"
#include "tools/launch/trace_settings.h"

namespace limpet {
namespace {

// What the doctor says of one patient.
struct Diagnosis {
  std::string target;                                      // a sentence's subject
  std::vector<std::pair<std::string, std::string>> facts;  // name, value
  Findings findings;
};

Diagnosis DiagnoseMachine() {
  MachineReport report = CheckMachine(OwnExecutable(), OwnSetting("LIMPET_LIBRARY"));
  for (const Setting& setting : kSettings) {
    const std::string name = setting.name;
    const std::string value = OwnSetting(name.c_str());
    if (value.empty()) continue;
    const absl::Status status = CheckSetting(name, value);
    report.facts.emplace_back(name, value);
    if (!status.ok()) {
      report.findings.push_back(
          {Severity::kLimits, std::string(status.message()),
           absl::StrCat("correct it; a traced program takes ", setting.default_value)});
    }
  }
  return {"this machine", std::move(report.facts), std::move(report.findings)};
}

absl::StatusOr<Diagnosis> DiagnoseProcess(std::uint32_t pid) {
  absl::StatusOr<ProcessReport> report = CheckProcess(pid);
  if (!report.ok()) return report.status();
  return Diagnosis{
      absl::StrCat("process ", pid),
      {{"executable", report->executable}, {"traced", report->is_traced ? "yes" : "no"}},
      std::move(report->findings)};
}

absl::StatusOr<Diagnosis> DiagnoseProgram(const std::string& command) {
  absl::StatusOr<ProgramReport> report = CheckCommand(command, SearchPath());
  if (!report.ok()) return report.status();
  return Diagnosis{
      command, {{"file", report->file}, {"program", report->program}}, std::move(report->findings)};
}

absl::StatusOr<Diagnosis> Diagnose(const std::vector<std::string>& target) {
  if (target.empty()) return DiagnoseMachine();
  std::uint32_t pid = 0;
  if (target.size() == 1 && absl::SimpleAtoi(target[0], &pid)) return DiagnoseProcess(pid);
  return DiagnoseProgram(target[0]);
}

void PrintText(const Diagnosis& diagnosis) {
  for (const auto& [name, value] : diagnosis.facts) {
    std::printf("%-20s %s\n", name.c_str(), value.c_str());
  }
  for (const Finding& finding : diagnosis.findings) {
    std::printf("%-6s  %s\n", std::string(SeverityName(finding.severity)).c_str(),
                finding.message.c_str());
    if (!finding.cure.empty()) std::printf("        cure: %s\n", finding.cure.c_str());
  }
  std::printf("%s %s be traced\n", diagnosis.target.c_str(),
              IsBlocked(diagnosis.findings) ? "cannot" : "can");
}

void PrintSettings() {
  std::printf("\nsettings:\n");
  for (const Setting& setting : kSettings) {
    std::printf("  %-20s %s (%s)\n", setting.name, setting.meaning, setting.default_value);
  }
}

// A command line or path may hold bytes that are no UTF-8; they are shown as U+FFFD.
void PrintJson(const Diagnosis& diagnosis) {
  nlohmann::ordered_json json;
  json["target"] = diagnosis.target;
  json["traceable"] = !IsBlocked(diagnosis.findings);
  json["facts"] = nlohmann::ordered_json::object();
  for (const auto& [name, value] : diagnosis.facts) json["facts"][name] = value;
  json["findings"] = nlohmann::ordered_json::array();
  for (const Finding& finding : diagnosis.findings) {
    json["findings"].push_back({{"severity", std::string(SeverityName(finding.severity))},
                                {"message", finding.message},
                                {"cure", finding.cure}});
  }
  const auto lenient = nlohmann::ordered_json::error_handler_t::replace;
  std::printf("%s\n", json.dump(2, ' ', false, lenient).c_str());
}

}  // namespace

absl::StatusOr<int> DoctorCommand(const DoctorOptions& options) {
  const absl::StatusOr<Diagnosis> diagnosis = Diagnose(options.target);
  if (!diagnosis.ok()) return diagnosis.status();
  if (options.json) {
    PrintJson(*diagnosis);
  } else {
    PrintText(*diagnosis);
    if (options.target.empty()) PrintSettings();
  }
  return IsBlocked(diagnosis->findings) ? kExitFinding : kExitOk;
}

}  // namespace limpet
