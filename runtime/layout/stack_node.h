// Stacks as a tree: a node is a frame whose parent is its caller, so equal outer frames are stored
// once. A StackId names the innermost node; following `parent` lists the stack leaf first.
//
//   main(2) <- serve(3) <- parse(4) <- grow(5)      StackId 5 = grow, parse, serve, main
//                       <- reply(6)                 StackId 6 = reply, serve, main
//
// Runs: target hot path (slow side) | companion.  Threads: written once, then published by its id.
// Allocates: never.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

namespace limpet {

enum class StackId : std::uint32_t {
  kComplete =
      0,  // root of stacks that were followed to their first frame; alone: the unknown stack
  kTruncated = 1,  // root of stacks whose outer frames are missing
};
inline constexpr std::uint32_t kRootNodes = 2;

inline constexpr std::uint32_t kMaxStackFrames = 128;
inline constexpr int kFrameAddressBits = 47;
inline constexpr std::uint64_t kFrameAddressMask = (std::uint64_t{1} << kFrameAddressBits) - 1;
// Set when the address is the interrupted instruction itself (the frame a signal handler returned
// to), not a return address; only then must a reader not look up `address - 1`.
inline constexpr std::uint64_t kFrameIsExact = std::uint64_t{1} << kFrameAddressBits;
inline constexpr std::uint64_t kFrameCodeMask = kFrameAddressMask | kFrameIsExact;
inline constexpr int kFrameModuleShift = 48;

struct StackNode {
  std::uint64_t frame;  // bits 0-46 address, 47 exact, 48-63 module id (index into kModules)
  StackId parent;
  std::atomic<std::uint32_t> site;  // index into kSites, 0: this node is no stack's leaf (yet)
};
static_assert(sizeof(StackNode) == 16 && std::is_standard_layout_v<StackNode>);

}  // namespace limpet
