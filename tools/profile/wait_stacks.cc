#include "tools/profile/wait_stacks.h"

#include "absl/strings/match.h"
#include "tools/profile/simple_name.h"

namespace limpet {
namespace {

// Of libc, where a thread waits that no hook saw: hooks stand before these.
bool IsWaitInternal(const NamedFrame& frame, const SegmentSnapshot& snapshot) {
  if (frame.module == 0) return false;
  const std::string file = BaseName(snapshot.modules[frame.module].path);
  return absl::StartsWith(file, "libc.so") || absl::StartsWith(file, "libpthread") ||
         absl::StartsWith(file, "ld-linux");
}

bool IsNothing(const NamedFrame&, const SegmentSnapshot&) { return false; }

}  // namespace

const StackRecord* WaitStacks::Find(std::uint32_t id) const {
  const auto stack = snapshot_.stacks.find(id);
  const bool is_known = id != 0 && stack != snapshot_.stacks.end() &&
                        (!stack->second.frames.empty() || stack->second.is_truncated);
  return is_known ? &stack->second : nullptr;
}

FrameList WaitStacks::FramesOf(const StackRecord& stack) {
  return ProgramFrames(stack, snapshot_, namer_, IsNothing);
}

FrameList WaitStacks::WaitFramesOf(const StackRecord& stack) {
  FrameList frames = ProgramFrames(stack, snapshot_, namer_, IsWaitInternal);
  const bool is_internal = !frames.empty() && IsWaitInternal(*frames.front(), snapshot_);
  return is_internal ? FramesOf(stack) : frames;
}

std::vector<std::string_view> WaitStacks::NamesOf(const FrameList& frames) {
  std::vector<std::string_view> names;
  for (const NamedFrame* frame : frames) {
    for (const NamedSource& source : frame->sources) names.push_back(Simple(*frame, source));
  }
  return names;
}

// Names are long and many threads share them. Those of code that was compiled at run time are as
// they are.
std::string_view WaitStacks::Simple(const NamedFrame& frame, const NamedSource& source) {
  if (frame.module == 0) return source.name;
  const auto [place, is_new] = simple_names_.try_emplace(source.name);
  if (is_new) place->second = SimpleName(source.name);
  return place->second;
}

}  // namespace limpet
