#include "tools/cli/stacks_json.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "tools/profile/thread_summary.h"
#include "tools/render/printable_text.h"
#include "tools/render/simple_frames.h"
#include "tools/render/verdict_writer.h"

namespace limpet {
namespace {

using Json = nlohmann::ordered_json;
using Locations = std::vector<std::uint32_t>;

constexpr std::size_t kPieceBytes = 64 << 10;

Json FrameJson(const SimpleFrame& frame) {
  Json json{{"function", frame.name}};
  if (!frame.file.empty()) {
    json["file"] = frame.file;
    json["line"] = frame.line;
  }
  if (!frame.module.empty()) json["module"] = frame.module;
  return json;
}

Json FileJson(const OpenFile& file) {
  Json json{{"descriptor", file.descriptor}};
  if (!file.target.empty()) json["target"] = OneLine(file.target);
  return json;
}

void AddFiles(const ListedThread& thread, Json& json) {
  if (thread.descriptor >= 0) json["descriptor"] = thread.descriptor;
  if (!thread.descriptor_target.empty()) {
    json["descriptor_target"] = OneLine(thread.descriptor_target);
  }
  for (const OpenFile& file : thread.waited_files) json["waits_for"].push_back(FileJson(file));
  if (thread.other_waited_files != 0) json["waits_for_others"] = thread.other_waited_files;
  if (!thread.peer.empty()) json["peer"] = OneLine(thread.peer);
  if (thread.has_socket_timeout.has_value())
    json["has_socket_timeout"] = *thread.has_socket_timeout;
}

void AddWait(const ListedThread& thread, Json& json) {
  if (thread.waited_ns.has_value()) json["waited_ns"] = *thread.waited_ns;
  if (thread.timeout_ns.has_value()) json["timeout_ns"] = *thread.timeout_ns;
  if (thread.object != 0) json["object"] = absl::StrFormat("0x%x", thread.object);
  AddFiles(thread, json);
  if (thread.missing_arrivals != 0) json["missing_arrivals"] = thread.missing_arrivals;
  if (thread.timer_count != 0) json["timers"] = thread.timer_count;
  if (thread.owner_thread_id != 0) {
    json["owner_thread_id"] = thread.owner_thread_id;
    json["owner_has_ended"] = thread.owner_life == OwnerLife::kExited;
    json["owner_is_elsewhere"] = thread.owner_life == OwnerLife::kElsewhere;
    if (thread.owner_number != 0) json["owner"] = thread.owner_number;
  }
  if (!thread.readers.empty()) json["readers"] = thread.readers;
  if (thread.waker_number != 0) json["waker"] = thread.waker_number;
  if (thread.waker_number != 0 && thread.woken_ns.has_value())
    json["woken_ago_ns"] = *thread.woken_ns;
  json["seen_by_hook"] = !thread.is_seen_from_outside;
  if (!thread.wait_channel.empty()) json["wait_channel"] = OneLine(thread.wait_channel);
}

Json LossesJson(const ThreadDump& dump) {
  Json losses = Json::object();
  for (const Loss& loss : dump.losses) losses[loss.name] = loss.count;
  return losses;
}

struct IsBefore {
  bool operator()(const Locations* one, const Locations* other) const { return *one < *other; }
};

// One writing of one list.
class Writing {
 public:
  Writing(const ThreadDump& dump, const TextSink& write, const std::vector<WaitFinding>* findings,
          std::size_t most_frames)
      : dump_(dump),
        write_(write),
        findings_(findings),
        frames_(dump.profile),
        room_(most_frames) {}

  absl::Status Run() {
    for (const ListedThread& thread : dump_.threads) {
      Number(thread.locations);
      Number(thread.creation_locations);
      Number(thread.waker_locations);
    }
    PutFacts();
    Put(",\n  \"stacks\": [");
    for (std::size_t index = 0; index < stacks_.size(); ++index)
      PutItem(index, Stack(*stacks_[index]));
    Put("\n  ],\n");
    PutField("stack_frames_left_out", frames_left_out_);
    Put(",\n  \"threads\": [");
    for (std::size_t index = 0; index < dump_.threads.size(); ++index) {
      PutItem(index, Thread(dump_.threads[index]));
    }
    Put("\n  ]");
    PutFindings();
    Put("\n}\n");
    Flush();
    return status_;
  }

 private:
  void Number(const Locations& locations) {
    if (locations.empty()) return;
    if (numbers_.try_emplace(&locations, stacks_.size()).second) stacks_.push_back(&locations);
  }

  void PutFacts() {
    Put("{\n");
    PutField("version", 1);
    const std::pair<const char*, Json> facts[] = {
        {"pid", dump_.pid},
        {"program", OneLine(dump_.program)},
        {"alive", dump_.is_alive},
        {"seen_from_outside", CountSeenFromOutside(dump_)},
        {"ended_unjoined", dump_.unjoined},
        {"left_out",
         {{"of_unknown_wait", dump_.left_out.of_unknown_wait}, {"others", dump_.left_out.others}}},
        {"losses", LossesJson(dump_)}};
    for (const auto& [name, value] : facts) {
      Put(",\n");
      PutField(name, value);
    }
  }

  void PutField(const char* name, const Json& value) {
    Put(absl::StrFormat("  \"%s\": %s", name, value.dump()));
  }

  void PutItem(std::size_t index, const Json& item) {
    Put((index == 0 ? "\n    " : ",\n    ") + item.dump());
  }

  void PutFindings() {
    if (findings_ == nullptr) return;
    Put(",\n  \"findings\": [");
    for (std::size_t index = 0; index < findings_->size(); ++index)
      PutItem(index, Finding((*findings_)[index]));
    Put("\n  ]");
  }

  Json Finding(const WaitFinding& finding) const {
    return {{"kind", FindingName(finding.kind)},
            {"threads", NumbersOf(finding.threads)},
            {"behind", NumbersOf(finding.behind)},
            {"behind_ns", finding.behind_ns}};
  }

  Json NumbersOf(const std::vector<std::size_t>& threads) const {
    Json numbers = Json::array();
    for (const std::size_t index : threads) numbers.push_back(dump_.threads[index].number);
    return numbers;
  }

  Json Stack(const Locations& locations) {
    Json list = Json::array();
    for (const SimpleFrame& frame : frames_.Of(locations)) {
      if (room_ == 0) {
        ++frames_left_out_;
        continue;
      }
      --room_;
      list.push_back(FrameJson(frame));
    }
    return list;
  }

  Json Thread(const ListedThread& thread) const {
    Json json{{"number", thread.number},
              {"thread_id", thread.thread_id},
              {"name", OneLine(thread.name)},
              {"state", thread.state},
              {"reason", thread.reason}};
    if (thread.age_ns.has_value()) json["age_ns"] = *thread.age_ns;
    if (thread.cpu_percent.has_value()) json["cpu_percent"] = *thread.cpu_percent;
    if (!thread.IsRunning()) AddWait(thread, json);
    json["parks"] = thread.park_count;
    json["parked_ns"] = thread.parked_ns;
    if (!thread.locations.empty()) json["stack"] = numbers_.at(&thread.locations);
    if (thread.creator_number != 0) json["creator"] = thread.creator_number;
    if (!thread.creation_locations.empty()) {
      json["creation_stack"] = numbers_.at(&thread.creation_locations);
    }
    if (!thread.waker_locations.empty()) json["waker_stack"] = numbers_.at(&thread.waker_locations);
    return json;
  }

  void Put(const std::string& text) {
    piece_ += text;
    if (piece_.size() >= kPieceBytes) Flush();
  }

  void Flush() {
    if (status_.ok()) status_ = write_(piece_);
    piece_.clear();
  }

  const ThreadDump& dump_;
  const TextSink& write_;
  const std::vector<WaitFinding>* const findings_;
  const SimpleFrames frames_;
  std::size_t room_;
  std::uint64_t frames_left_out_ = 0;
  std::map<const Locations*, std::size_t, IsBefore> numbers_;
  std::vector<const Locations*> stacks_;
  std::string piece_;
  absl::Status status_;
};

}  // namespace

absl::Status WriteStacksJson(const ThreadDump& dump, const TextSink& write,
                             const std::vector<WaitFinding>* findings, std::size_t most_frames) {
  return Writing(dump, write, findings, most_frames).Run();
}

}  // namespace limpet
