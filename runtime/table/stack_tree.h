// Interns stacks as a tree in the segment: equal outer frames are one chain of nodes.
//
//   index (private): hash(frames from the root) -> node      nodes (segment): {frame, parent, site}
//
// A node's place in the index follows from the frames alone, not from its parent's id. So a stack
// that was seen before is found by one look-up of its whole path, and the places of all frames of a
// new one are known before the first is looked at: their cache misses overlap.
//
// Nodes are only ever added. Two threads that add the same node at once may both succeed while the
// index grows; readers merge stacks by content, so a double costs its nodes and a site, and no
// truth.
//
// Runs: target hot path (slow side).  Threads: any; async-signal-safe, lock-free.  Allocates:
// private pages for the index, twice as many each time it grows.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/layout/site_slot.h"
#include "runtime/layout/stack_node.h"
#include "runtime/stack/remembered_walk.h"
#include "runtime/table/segment_writer.h"

namespace limpet {

struct InternedStack {
  StackId id;
  std::uint64_t path_hash;  // of all its frames
};

class StackTree {
 public:
  // Starts empty in a fresh segment. False: no memory for the index.
  [[nodiscard]] bool Attach(SegmentWriter* segment);
  std::uint64_t private_bytes() const { return index_.load(std::memory_order_relaxed)->Bytes(); }

  // Names the stack of `walk`; the nodes it comes to know are kept in the walk's frames. kComplete
  // (the unknown stack), counted as a loss, where there is no room.
  InternedStack Intern(RememberedWalk* walk) {
    const WalkedFrame* leaf = walk->depth != 0 ? &walk->frames[walk->depth - 1] : nullptr;
    bool is_known = leaf != nullptr && leaf->node != WalkedFrame::kNoNode;
    return is_known ? InternedStack{leaf->node, leaf->path_hash} : FindOrAddStack(walk);
  }

  // Totals of a stack, made at its first use; nullptr, counted, where there is no room.
  SiteSlot* SiteOf(const InternedStack& stack, SiteKind kind) {
    std::atomic<std::uint32_t>& link = nodes_[static_cast<std::uint32_t>(stack.id)].site;
    std::uint32_t id = link.load(std::memory_order_acquire);  // pairs with the release in AddSite
    bool is_usual = id != 0 && sites_[id].kind == kind;
    return is_usual ? &sites_[id] : FindOrAddSite(&link, stack, kind);
  }

 private:
  // An entry of the index: the upper half of its path's hash, and the node's id; 0: free.
  using Entry = std::atomic<std::uint64_t>;
  struct Index {
    std::uint64_t mask;
    Entry& Slot(std::uint64_t tag) { return reinterpret_cast<Entry*>(this + 1)[tag & mask]; }
    void Enter(std::uint64_t entry);
    void Clear();
    void Empty();
    std::uint64_t Bytes() const { return sizeof(Index) + (mask + 1) * sizeof(Entry); }
  };
  static constexpr std::uint32_t kFirstIndexSlots = 1
                                                    << 10;  // three pages: many processes are short
  static constexpr std::uint32_t kSecondIndexSlots = 1 << 13;  // then one for most programs
  static constexpr int kMaxProbes = 128;  // at most half full, the longest run is a few dozen
  static constexpr std::uint32_t kNoNode = ~std::uint32_t{0};

  InternedStack FindOrAddStack(RememberedWalk* walk);
  StackId FindStack(std::uint64_t path_hash) const;
  [[gnu::noinline]] InternedStack AddStack(RememberedWalk* walk, StackId root);
  InternedStack DropStack(RememberedWalk* walk);
  void Prefetch(const RememberedWalk& walk, std::uint32_t from) const;
  bool IsAtHome(StackId parent, WalkedFrame* frame) const;
  bool FindOrAdd(StackId parent, WalkedFrame* frame);
  std::uint64_t EntryAt(Entry& slot, StackId parent, const WalkedFrame& frame,
                        std::uint32_t* added);
  bool IsNode(std::uint64_t entry, StackId parent, const WalkedFrame& frame) const;
  std::uint32_t AddNode(std::uint64_t frame, StackId parent);
  SiteSlot* FindOrAddSite(std::atomic<std::uint32_t>* link, const InternedStack& stack,
                          SiteKind kind);
  std::uint32_t AddSite(std::atomic<std::uint32_t>* link, const InternedStack& stack,
                        SiteKind kind);
  void ResetIndex();
  void GrowIndex(Index* old, std::uint64_t nodes);
  void ReplaceIndex(Index* old, Index* larger);
  static Index* MakeIndex(std::uint64_t slots);
  std::uint64_t NodeCount() const;

  SegmentWriter* segment_ = nullptr;
  StackNode* nodes_ = nullptr;
  SectionEntry* node_section_ = nullptr;
  SiteSlot* sites_ = nullptr;
  SectionEntry* site_section_ = nullptr;
  std::atomic<Index*> index_ = nullptr;
  Index* first_index_ = nullptr;
  std::atomic<bool> is_growing_ = false;
  std::atomic<std::uint64_t> grows_at_ = 0;  // nodes that the next larger index is for
};

}  // namespace limpet
