#include "tools/render/goroutine_writer.h"

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "tools/render/simple_frames.h"

namespace limpet {
namespace {

constexpr std::uint64_t kMinuteNs = 60'000'000'000;

std::string StatusText(const ListedThread& thread) {
  std::string text = thread.reason;
  const bool has_parenthesis = absl::StrContains(text, "(");
  if (!has_parenthesis && !thread.remark.empty()) {
    text += " (" + thread.remark + ")";
  } else if (!has_parenthesis && thread.is_seen_from_outside) {
    text += " (no hook)";
  }
  const std::uint64_t minutes = thread.waited_ns.value_or(0) / kMinuteNs;
  if (minutes >= 1) absl::StrAppendFormat(&text, ", %d minutes", minutes);
  return text;
}

std::string PlaceText(const SimpleFrame& frame) {
  const std::string& file = frame.file.empty() ? frame.module : frame.file;
  std::string text = absl::StrFormat("\t%s:%d", file.empty() ? "??" : file, frame.line);
  if (frame.offset != 0) absl::StrAppendFormat(&text, " +0x%x", frame.offset);
  return text + "\n";
}

// What is not there is a frame too: of Go's own line "goroutine running on other thread; stack
// unavailable" goleak and gostackparse make an error.
std::string StackText(const SimpleFrames& frames, const ListedThread& thread) {
  if (thread.locations.empty()) {
    return std::string(thread.IsRunning() ? kRunningStack : kUnreadableStack) + "(...)\n\t??:0\n";
  }
  std::string text;
  for (const SimpleFrame& frame : frames.Of(thread.locations)) {
    const bool is_leaf = text.empty();
    text += is_leaf && thread.object != 0 ? absl::StrFormat("%s(0x%x)\n", frame.name, thread.object)
                                          : frame.name + "(...)\n";
    text += PlaceText(frame);
  }
  return text;
}

std::string CreatorText(const SimpleFrames& frames, const ListedThread& thread) {
  const std::optional<SimpleFrame> frame = frames.CreatorOf(thread);
  if (!frame.has_value()) return "";
  std::string text = "created by " + frame->name;
  if (thread.creator_number != 0) {
    absl::StrAppendFormat(&text, " in goroutine %d", thread.creator_number);
  }
  return text + "\n" + PlaceText(*frame);
}

}  // namespace

std::string WriteGoroutines(const ThreadDump& dump) {
  const SimpleFrames frames(dump.profile);
  std::string text;
  for (const ListedThread& thread : dump.threads) {
    if (!text.empty()) text += "\n";
    absl::StrAppendFormat(&text, "goroutine %d [%s]:\n", thread.number, StatusText(thread));
    text += StackText(frames, thread) + CreatorText(frames, thread);
  }
  return text;
}

}  // namespace limpet
