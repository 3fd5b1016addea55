// The tree of stack nodes, copied: follows a StackId to the root.
//
//   StackId 5 -> grow -> parse -> serve -> main -> root 0 (complete) or 1 (outer frames missing)
//
// A forged or half-written tree may point anywhere, also in a circle: no stack is longer than
// kMaxStackFrames, so a longer way is a wrong one.
//
// Runs: companion.  Threads: plain data.  Allocates: yes.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "tools/reader/section_copy.h"
#include "tools/reader/segment_snapshot.h"

namespace limpet {

class StackTree {
 public:
  explicit StackTree(SectionCopy nodes) : nodes_(std::move(nodes)) {}

  // Nothing when the way does not end at a root.
  std::optional<StackRecord> Follow(std::uint32_t stack) const;

 private:
  SectionCopy nodes_;
};

}  // namespace limpet
