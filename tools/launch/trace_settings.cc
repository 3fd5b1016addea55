#include "tools/launch/trace_settings.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "runtime/setting/dump_occasions.h"
#include "runtime/setting/program_choice.h"
#include "runtime/setting/setting_table.h"
#include "runtime/setting/value_grammar.h"

namespace limpet {
namespace {

// The target makes it absolute in the same way, once.
bool FitsPath(const std::string& text, std::size_t bytes) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(text, error);
  return !text.empty() && !error && path.native().size() < bytes;
}

bool IsValid(SettingId id, const std::string& text) {
  std::uint64_t number = 0;
  int signal = 0;
  bool is_on = false;
  DumpOccasions occasions;
  FollowedChildren followed;
  switch (id) {
    case SettingId::kSampleBytes:
      return ParseSampleBytes(text.c_str(), &number);
    case SettingId::kMaxBytes:
      return ParseSegmentBytes(text.c_str(), &number);
    case SettingId::kSignal:
      return ParseSignal(text.c_str(), &signal);
    case SettingId::kBlockRate:
      return ParseBlockRate(text.c_str(), &number);
    case SettingId::kEvery:
      return ParseDumpInterval(text.c_str(), &number);
    case SettingId::kDumpOn:
      return ParseDumpOccasions(text.c_str(), &occasions);
    case SettingId::kKeep:
      return ParseMaxDumps(text.c_str(), &number);
    case SettingId::kMaxDirectoryBytes:
      return ParseDirectoryBytes(text.c_str(), &number);
    case SettingId::kKeepDead:
      return ParseMaxDeadSegments(text.c_str(), &number);
    case SettingId::kOnly:
      return text.size() < kProgramListBytes;
    case SettingId::kFollow:
      return ParseFollow(text.c_str(), &followed);
    case SettingId::kWatch:
    case SettingId::kRunning:
    case SettingId::kDumpAtExit:
    case SettingId::kMmap:
    case SettingId::kDisable:
      return ParseSwitch(text.c_str(), &is_on);
    case SettingId::kRuntimeDirectory:
      return FitsPath(text, kRuntimePathBytes);
    case SettingId::kDirectory:
    case SettingId::kCompanion:
    case SettingId::kLibrary:
      return FitsPath(text, kPathBytes);
  }
  return false;
}

}  // namespace

absl::Status CheckSetting(const std::string& name, const std::string& value) {
  const Setting* setting = std::find_if(std::begin(kSettings), std::end(kSettings),
                                        [&](const Setting& known) { return name == known.name; });
  if (setting == std::end(kSettings)) {
    return absl::InvalidArgumentError(absl::StrCat(name, " is no setting of limpet"));
  }
  if (IsValid(setting->id, value)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, "='", value, "': expected ", setting->expected));
}

std::string OwnSetting(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

}  // namespace limpet
