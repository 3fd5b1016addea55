#include "tools/store/meta_file.h"

#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_replace.h"
#include "tools/reader/small_file.h"
#include "tools/render/printable_text.h"
#include "tools/store/dump_name.h"
#include "tools/store/output_file.h"

namespace limpet {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kMaxBytes = std::size_t{32} << 20;  // 100,000 dumps
constexpr int kMaxDepth = 4;                              // dumps, one, profiles, a name
constexpr std::size_t kMaxTextBytes = 4096;
constexpr std::size_t kMaxEntries = 512;  // arguments, losses

Json ProfilesJson(const DumpRecord& dump) {
  Json names = Json::array();
  for (const DumpFile& file : dump.files) names.push_back(file.name);
  return names;
}

Json DumpJson(const DumpRecord& dump) {
  Json json;
  json["number"] = dump.number;
  json["time"] = IsoTime(dump.time);
  json["reason"] = dump.reason;
  json["profiles"] = ProfilesJson(dump);
  if (dump.in_use_bytes.has_value()) json["in_use_bytes"] = *dump.in_use_bytes;
  if (dump.allocated_bytes.has_value()) json["allocated_bytes"] = *dump.allocated_bytes;
  return json;
}

Json ArgumentsJson(const ProcessRecord& record) {
  Json list = Json::array();
  for (const std::string& argument : record.command_line) list.push_back(ValidUtf8(argument));
  return list;
}

Json ProcessJson(const ProcessRecord& record) {
  Json json;
  json["version"] = kVersion;
  json["executable"] = ValidUtf8(record.executable);
  json["build_id"] = record.build_id;
  json["program"] = ValidUtf8(record.program);
  json["command_line"] = ArgumentsJson(record);
  json["pid"] = record.pid;
  json["parent_pid"] = record.parent_pid;
  json["uid"] = record.uid;
  json["host"] = ValidUtf8(record.host);
  json["started"] = record.started;
  json["sample_interval_bytes"] = record.sample_interval_bytes;
  json["state"] = record.state.empty() ? kReasonUnknown : record.state;
  if (!record.end.empty()) json["end"] = record.end;
  json["losses"] = Json(record.losses);
  json["removed_dumps"] = record.removed_dumps;
  if (!record.note.empty()) json["note"] = ValidUtf8(record.note);
  return json;
}

std::string Text(const Json& json, const char* name) {
  const auto place = json.find(name);
  if (place == json.end() || !place->is_string()) return "";
  const auto& text = place->get_ref<const std::string&>();
  return text.size() <= kMaxTextBytes ? text : "";
}

std::optional<std::uint64_t> Count(const Json& json, const char* name) {
  const auto place = json.find(name);
  if (place == json.end() || !place->is_number_unsigned()) return std::nullopt;
  return place->get<std::uint64_t>();
}

std::optional<std::int64_t> Bytes(const Json& json, const char* name) {
  const std::optional<std::uint64_t> bytes = Count(json, name);
  if (!bytes.has_value() || *bytes > INT64_MAX) return std::nullopt;
  return static_cast<std::int64_t>(*bytes);
}

// Nobody asked for what does not say so.
std::string ReasonOf(const Json& json) {
  const std::string reason = Text(json, "reason");
  return reason.empty() ? kReasonUnknown : KnownReason(reason);
}

std::string StateOf(const Json& json) {
  const std::string state = Text(json, "state");
  return state == kStateRunning || state == kStateDead ? state : "";
}

DumpRecord ReadDump(const Json& json) {
  return {.number = Count(json, "number").value_or(0),
          .time = absl::StrReplaceAll(Text(json, "time"), {{"-", ""}, {":", ""}}),
          .reason = ReasonOf(json),
          .in_use_bytes = Bytes(json, "in_use_bytes"),
          .allocated_bytes = Bytes(json, "allocated_bytes")};
}

std::vector<std::string> ReadArguments(const Json& json) {
  std::vector<std::string> arguments;
  const auto list = json.find("command_line");
  if (list == json.end() || !list->is_array()) return arguments;
  for (const Json& argument : *list) {
    if (arguments.size() == kMaxEntries || !argument.is_string()) break;
    arguments.push_back(argument.get_ref<const std::string&>().substr(0, kMaxTextBytes));
  }
  return arguments;
}

std::map<std::string, std::uint64_t> ReadLosses(const Json& json) {
  std::map<std::string, std::uint64_t> losses;
  const auto list = json.find("losses");
  if (list == json.end() || !list->is_object()) return losses;
  for (const auto& [name, count] : list->items()) {
    if (losses.size() == kMaxEntries || !count.is_number_unsigned()) break;
    losses[name] = count.get<std::uint64_t>();
  }
  return losses;
}

ProcessRecord ReadProcess(const Json& json) {
  return {.executable = Text(json, "executable"),
          .build_id = Text(json, "build_id"),
          .program = Text(json, "program"),
          .command_line = ReadArguments(json),
          .pid = static_cast<std::uint32_t>(Count(json, "pid").value_or(0)),
          .parent_pid = static_cast<std::uint32_t>(Count(json, "parent_pid").value_or(0)),
          .uid = static_cast<std::uint32_t>(Count(json, "uid").value_or(0)),
          .host = Text(json, "host"),
          .started = Text(json, "started"),
          .sample_interval_bytes = Count(json, "sample_interval_bytes").value_or(0),
          .state = StateOf(json),
          .end = Text(json, "end"),
          .losses = ReadLosses(json),
          .removed_dumps = Count(json, "removed_dumps").value_or(0),
          .note = Text(json, "note")};
}

std::vector<DumpRecord> ReadDumps(const Json& json) {
  std::vector<DumpRecord> dumps;
  const auto list = json.find("dumps");
  if (list == json.end() || !list->is_array()) return dumps;
  for (const Json& dump : *list) dumps.push_back(ReadDump(dump));
  return dumps;
}

}  // namespace

absl::Status WriteMeta(const OpenFolder& folder, const ProcessRecord& record) {
  Json json = ProcessJson(record);
  Json dumps = Json::array();
  for (const DumpRecord& dump : record.dumps) dumps.push_back(DumpJson(dump));
  json["dumps"] = std::move(dumps);
  return WriteOutputFile(folder, kMetaName, json.dump(1) + "\n");
}

std::optional<ProcessRecord> ReadMeta(const OpenFolder& folder) {
  const absl::StatusOr<std::string> text = ReadSmallFile(
      kMetaName, {.max_bytes = kMaxBytes, .must_be_regular = true, .folder = folder.descriptor()});
  if (!text.ok()) return std::nullopt;
  // What is nested deeper is left out before it takes memory.
  const auto is_wanted = [](int depth, Json::parse_event_t, const Json&) {
    return depth <= kMaxDepth;
  };
  const Json json = Json::parse(*text, is_wanted, /*allow_exceptions=*/false);
  if (!json.is_object() || Count(json, "version") != kVersion) return std::nullopt;
  ProcessRecord record = ReadProcess(json);
  record.dumps = ReadDumps(json);
  return record;
}

}  // namespace limpet
