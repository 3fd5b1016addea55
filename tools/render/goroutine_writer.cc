#include "tools/render/goroutine_writer.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "tools/profile/simple_name.h"
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

bool HasBalancedParentheses(const std::string& name) {
  int depth = 0;
  for (const char letter : name) {
    depth += letter == '(' ? 1 : letter == ')' ? -1 : 0;
    if (depth < 0) return false;
  }
  return depth == 0;
}

// Go's parsers see the end of a name in a parenthesis too many, and a header in some words.
std::string GoName(const std::string& name) {
  const bool is_header =
      absl::StartsWith(name, "goroutine ") || absl::StartsWith(name, "created by ");
  return is_header || !HasBalancedParentheses(name) ? WholeName(name) : name;
}

// They take the first number behind a colon for the line.
std::string GoFile(std::string file) {
  for (std::size_t colon = file.find(':'); colon != std::string::npos;
       colon = file.find(':', colon + 1)) {
    const bool is_before_digit =
        colon + 1 < file.size() && absl::ascii_isdigit(static_cast<unsigned char>(file[colon + 1]));
    if (is_before_digit) file[colon] = '_';
  }
  return file;
}

std::string PlaceText(const SimpleFrame& frame) {
  const std::string file = GoFile(frame.file.empty() ? frame.module : frame.file);
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
    text += is_leaf && thread.object != 0
                ? absl::StrFormat("%s(0x%x)\n", GoName(frame.name), thread.object)
                : GoName(frame.name) + "(...)\n";
    text += PlaceText(frame);
  }
  return text;
}

std::string CreatorText(const SimpleFrames& frames, const ListedThread& thread) {
  const std::optional<SimpleFrame> frame = frames.InnermostOf(thread.creation_locations);
  if (!frame.has_value()) return "";
  std::string text = "created by " + GoName(frame->name);
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
