#include "tools/reader/stack_tree.h"

#include "runtime/layout/stack_node.h"

namespace limpet {

std::optional<StackRecord> StackTree::Follow(std::uint32_t stack) const {
  StackRecord record;
  for (std::uint32_t node_id = stack; record.frames.size() <= kMaxStackFrames;) {
    if (node_id < kRootNodes) {
      record.is_truncated = node_id == static_cast<std::uint32_t>(StackId::kTruncated);
      return record;
    }
    if (node_id >= nodes_.count()) return std::nullopt;
    StackNode node;
    nodes_.CopyEntry(node_id, node);
    record.frames.push_back({.address = node.frame & kFrameAddressMask,
                             .module = static_cast<std::uint32_t>(node.frame >> kFrameModuleShift),
                             .is_exact = (node.frame & kFrameIsExact) != 0});
    node_id = static_cast<std::uint32_t>(node.parent);
  }
  return std::nullopt;
}

}  // namespace limpet
