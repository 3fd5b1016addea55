#include "tools/cli/stacks_json.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "tools/render/printable_text.h"
#include "tools/render/simple_frames.h"

namespace limpet {
namespace {

using Json = nlohmann::ordered_json;

Json FrameJson(const SimpleFrame& frame) {
  Json json{{"function", frame.name}};
  if (!frame.file.empty()) {
    json["file"] = frame.file;
    json["line"] = frame.line;
  }
  if (!frame.module.empty()) json["module"] = frame.module;
  return json;
}

Json StackJson(const SimpleFrames& frames, const std::vector<std::uint32_t>& locations) {
  Json list = Json::array();
  for (const SimpleFrame& frame : frames.Of(locations)) list.push_back(FrameJson(frame));
  return list;
}

void AddWait(const ListedThread& thread, Json& json) {
  if (thread.waited_ns.has_value()) json["waited_ns"] = *thread.waited_ns;
  if (thread.timeout_ns.has_value()) json["timeout_ns"] = *thread.timeout_ns;
  if (thread.object != 0) json["object"] = absl::StrFormat("0x%x", thread.object);
  if (thread.descriptor >= 0) json["descriptor"] = thread.descriptor;
  if (!thread.descriptor_target.empty()) {
    json["descriptor_target"] = ValidUtf8(thread.descriptor_target);
  }
  if (thread.owner_thread_id != 0) {
    json["owner_thread_id"] = thread.owner_thread_id;
    json["owner_has_ended"] = thread.owner_life == OwnerLife::kExited;
    json["owner_is_elsewhere"] = thread.owner_life == OwnerLife::kElsewhere;
    if (thread.owner_number != 0) json["owner"] = thread.owner_number;
  }
  json["seen_by_hook"] = !thread.is_seen_from_outside;
  if (!thread.wait_channel.empty()) json["wait_channel"] = ValidUtf8(thread.wait_channel);
}

Json ThreadJson(const SimpleFrames& frames, const ListedThread& thread) {
  Json json{{"number", thread.number},
            {"thread_id", thread.thread_id},
            {"name", ValidUtf8(thread.name)},
            {"state", thread.state},
            {"reason", thread.reason}};
  if (!thread.IsRunning()) AddWait(thread, json);
  json["parks"] = thread.park_count;
  json["parked_ns"] = thread.parked_ns;
  if (!thread.locations.empty()) json["stack"] = StackJson(frames, thread.locations);
  if (thread.creator_number != 0) json["creator"] = thread.creator_number;
  if (!thread.creation_locations.empty()) {
    json["creation_stack"] = StackJson(frames, thread.creation_locations);
  }
  return json;
}

}  // namespace

std::string StacksJson(const ThreadDump& dump) {
  const SimpleFrames frames(dump.profile);
  Json threads = Json::array();
  for (const ListedThread& thread : dump.threads) threads.push_back(ThreadJson(frames, thread));
  return Json{{"version", 1},
              {"pid", dump.pid},
              {"program", ValidUtf8(dump.program)},
              {"ended_unjoined", dump.unjoined},
              {"threads", std::move(threads)}}
             .dump(2) +
         "\n";
}

}  // namespace limpet
