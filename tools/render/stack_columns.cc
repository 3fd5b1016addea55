#include "tools/render/stack_columns.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "tools/profile/wait_remark.h"
#include "tools/render/age_text.h"
#include "tools/render/printable_text.h"

namespace limpet {
namespace {

constexpr std::size_t kIndent = 6;
constexpr std::size_t kLeastNameWidth = 20;
constexpr std::size_t kMaxNameWidth = 56;
constexpr std::size_t kMaxFrames = 24;
constexpr char kCreatedBy[] = "  created by ";
constexpr std::size_t kCreatedByExtra = sizeof(kCreatedBy) - 1 - kIndent;  // than a frame's indent

// The end of a path that fits, from a slash on.
std::string ShortPlace(const SimpleFrame& frame, std::size_t room) {
  if (frame.file.empty()) return "";
  std::string place = absl::StrFormat("%s:%d", frame.file, frame.line);
  if (place.size() <= room || room < 4) return place;
  const std::size_t slash = place.find('/', place.size() - room + 3);
  if (slash == std::string::npos) return place.substr(place.find_last_of('/') + 1);
  return "..." + place.substr(slash);
}

bool IsNextOf(const ListedThread& last, const ListedThread& thread) {
  return thread.number == last.number + 1 && thread.name == last.name;
}

}  // namespace

StackColumns::StackColumns(const SimpleFrames& frames, const ListedThread& thread)
    : thread_(thread),
      frames_(frames.ProgramOf(thread.locations)),
      creator_(frames.InnermostOf(thread.creation_locations)),
      waker_(frames.InnermostOf(thread.waker_locations)),
      width_(NameWidth()) {}

std::size_t StackColumns::NameWidth() const {
  std::size_t width = kLeastNameWidth;
  if (creator_.has_value()) width = std::max(width, creator_->name.size() + kCreatedByExtra);
  for (const SimpleFrame& frame : frames_) width = std::max(width, frame.name.size());
  return std::min(width, kMaxNameWidth);
}

// `width`: of the column of names, which begins behind `prefix`.
std::string StackColumns::Line(const std::string& prefix, const SimpleFrame& frame,
                               std::size_t width) const {
  std::string name = frame.name;
  if (name.size() > width) name = FirstBytes(name, width - 3) + "...";
  const std::size_t start = prefix.size() + width + 2;
  const std::string place = ShortPlace(frame, kTextColumns - std::min(kTextColumns, start));
  if (place.empty()) return prefix + name;
  return absl::StrFormat("%s%-*s  %s", prefix, static_cast<int>(width), name, place);
}

std::string StackColumns::Frames() const {
  std::string text;
  const std::size_t shown = std::min(frames_.size(), kMaxFrames);
  for (std::size_t index = 0; index < shown; ++index) {
    text += Line(std::string(kIndent, ' '), frames_[index], width_) + "\n";
  }
  if (shown == frames_.size()) return text;
  return text +
         absl::StrFormat("%*s... and %d outer frames\n", kIndent, "", frames_.size() - shown);
}

std::string StackColumns::Origin() const {
  if (!thread_.is_seen_from_outside) {
    if (!thread_.locations.empty()) return "";
    return thread_.IsRunning() ? "      (running: its stack is not taken)\n"
                               : "      (its stack is not known)\n";
  }
  std::string text = "      (no hook is here: ";
  text += thread_.locations.empty() ? "its stack could not be read" : "seen from outside";
  if (!thread_.wait_channel.empty()) text += "; kernel: " + OneLine(thread_.wait_channel);
  return text + ")\n";
}

std::string StackColumns::Creator(std::uint32_t creator_number) const {
  if (!creator_.has_value()) return "";
  std::string line = Line(kCreatedBy, *creator_, width_ - kCreatedByExtra);
  if (creator_number != 0) absl::StrAppendFormat(&line, ", in thread %d", creator_number);
  return line;
}

std::string StackColumns::Waker() const {
  if (thread_.waker_number == 0) return "";
  const std::string prefix = absl::StrFormat("  last %s by ", WakeVerb(thread_.wait));
  const std::size_t width = width_ - std::min(width_, prefix.size() - kIndent);
  std::string line =
      waker_.has_value() ? Line(prefix, *waker_, width) + ", in thread" : prefix + "thread";
  absl::StrAppendFormat(&line, " %d", thread_.waker_number);
  if (thread_.woken_ns.has_value()) line += ", " + ShortWait(*thread_.woken_ns) + " ago";
  return line + "\n";
}

std::vector<std::string> ThreadNames(std::vector<const ListedThread*> threads) {
  std::sort(threads.begin(), threads.end(),
            [](const ListedThread* a, const ListedThread* b) { return a->number < b->number; });
  std::vector<std::string> names;
  for (std::size_t first = 0; first < threads.size();) {
    std::size_t last = first;
    while (last + 1 < threads.size() && IsNextOf(*threads[last], *threads[last + 1])) ++last;
    std::string name = absl::StrFormat("%d", threads[first]->number);
    if (last != first) absl::StrAppendFormat(&name, "-%d", threads[last]->number);
    if (!threads[first]->name.empty()) name += " " + OneLine(threads[first]->name);
    names.push_back(std::move(name));
    first = last + 1;
  }
  return names;
}

std::string JoinNames(const std::vector<std::string>& names, std::size_t room) {
  std::string text;
  std::size_t shown = 0;
  for (; shown < names.size() && (shown == 0 || text.size() + names[shown].size() < room);
       ++shown) {
    text += (shown == 0 ? "" : ", ") + names[shown];
  }
  return shown < names.size() ? text + ", ..." : text;
}

}  // namespace limpet
