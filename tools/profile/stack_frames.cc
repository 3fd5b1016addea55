#include "tools/profile/stack_frames.h"

#include "tools/profile/allocator_frames.h"

namespace limpet {

FrameList ProgramFrames(const StackRecord& stack, const SegmentSnapshot& snapshot,
                        FrameNamer& namer, LeafRule is_internal) {
  FrameList frames;
  const NamedFrame* skipped = nullptr;
  for (const FrameRecord& record : stack.frames) {
    const NamedFrame& frame = namer.Name(record);
    const bool is_leaf = frames.empty();
    if (IsTracerFrame(frame, snapshot) || (is_leaf && is_internal(frame, snapshot))) {
      skipped = &frame;
    } else {
      frames.push_back(&frame);
    }
  }
  if (frames.empty() && skipped != nullptr) frames.push_back(skipped);
  return frames;
}

LocationList AddLocations(const FrameList& frames, bool is_truncated, LocationTable& table) {
  if (frames.empty()) return {table.AddMarker("[unknown stack]")};
  LocationList locations;
  locations.reserve(frames.size() + 1);
  for (const NamedFrame* frame : frames) locations.push_back(table.AddFrame(*frame));
  if (is_truncated) locations.push_back(table.AddMarker("[truncated]"));
  return locations;
}

}  // namespace limpet
