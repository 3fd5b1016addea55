// What the program `witness` wrote of itself.
//
// Runs: tests.  Threads: one.  Allocates: yes.
#pragma once

#include <fstream>
#include <map>
#include <string>

namespace limpet::test {

using WitnessReport = std::map<std::string, std::string>;

inline WitnessReport ReadWitnessReport(const std::string& path) {
  WitnessReport report;
  std::ifstream file(path);
  std::string key, value;
  while (file >> key && file.get() == ' ' && std::getline(file, value)) report[key] = value;
  return report;
}

}  // namespace limpet::test
