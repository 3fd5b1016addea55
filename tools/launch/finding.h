// What a check found, how much it takes from tracing, and what helps.
//
// Runs: companion.  Threads: plain data.  Allocates: yes.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace limpet {

enum class Severity {
  kNote,    // good to know
  kLimits,  // traced, but a part is not seen
  kBlocks,  // not traced at all
};

struct Finding {
  Severity severity = Severity::kNote;
  std::string message;  // one sentence that names the file, process or setting
  std::string cure;     // empty: nothing to be done
};

using Findings = std::vector<Finding>;

inline void Add(Findings* findings, Severity severity, std::string message, std::string cure) {
  findings->push_back({severity, std::move(message), std::move(cure)});
}

constexpr absl::string_view SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kNote:
      return "note";
    case Severity::kLimits:
      return "limits";
    case Severity::kBlocks:
      return "blocks";
  }
  return "note";
}

inline bool IsBlocked(const Findings& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& finding) { return finding.severity == Severity::kBlocks; });
}

}  // namespace limpet
