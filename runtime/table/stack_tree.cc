#include "runtime/table/stack_tree.h"

#include <bit>

#include "runtime/sys/private_pages.h"

namespace limpet {
namespace {

// Every bit of both must reach the low bits, which choose the slot: a function that is called from
// a thousand places is a thousand nodes of one frame.
std::uint64_t HashOf(std::uint64_t frame, StackId parent) {
  std::uint64_t mixed =
      (frame ^ static_cast<std::uint64_t>(parent) * 0x9E3779B97F4A7C15U) * 0xD6E8FEB86659FD93U;
  mixed = (mixed ^ mixed >> 32) * 0xD6E8FEB86659FD93U;
  return mixed ^ mixed >> 32;
}

}  // namespace

StackTree::Index* StackTree::MakeIndex(std::uint64_t slots) {
  auto* index = sys::MapPrivatePages<Index>(sizeof(Index) + slots * sizeof(std::uint32_t));
  if (index != nullptr) index->mask = static_cast<std::uint32_t>(slots - 1);
  return index;
}

bool StackTree::Attach(SegmentWriter* segment) {
  segment_ = segment;
  nodes_ = segment->Entries<StackNode>(SectionKind::kStackNodes);
  node_section_ = &segment->Section(SectionKind::kStackNodes);
  sites_ = segment->Entries<SiteSlot>(SectionKind::kSites);
  site_section_ = &segment->Section(SectionKind::kSites);
  Index* inherited = index_.load(std::memory_order_relaxed);  // of the process we were forked from
  if (inherited != nullptr) sys::UnmapPages(inherited, inherited->Bytes());
  index_.store(MakeIndex(kFirstIndexSlots), std::memory_order_relaxed);
  is_growing_.store(false, std::memory_order_relaxed);
  std::uint64_t root = 0, site = 0;
  return index_.load(std::memory_order_relaxed) != nullptr &&
         segment->Claim(*node_section_, kRootNodes, &root) &&
         segment->Claim(*site_section_, 1, &site);
}

std::uint64_t StackTree::NodeCount() const {
  return node_section_->used.load(std::memory_order_relaxed);
}

StackId StackTree::Intern(RememberedWalk* walk) {
  StackId node = walk->is_truncated ? StackId::kTruncated : StackId::kComplete;
  if (walk->reused != 0) node = walk->frames[walk->reused - 1].node;
  for (std::uint32_t i = walk->reused; i < walk->depth; ++i) {
    if (FindOrAdd(walk->frames[i].frame, node, &walk->frames[i].node)) {
      node = walk->frames[i].node;
      continue;
    }
    segment_->counters().dropped_stacks_full.fetch_add(1, std::memory_order_relaxed);
    walk->Forget();  // its frames have no nodes to be reused by
    return StackId::kComplete;
  }
  return node;
}

bool StackTree::FindOrAdd(std::uint64_t frame, StackId parent, StackId* node) {
  Index* index = index_.load(std::memory_order_acquire);  // pairs with the release in GrowIndex
  std::uint32_t added = kNoNode;
  std::uint64_t at = HashOf(frame, parent);
  for (int probes = 0; probes < kMaxProbes; ++probes, ++at) {
    std::uint32_t id = NodeAt(index->Slot(at), frame, parent, &added);
    if (id == kNoNode) return false;
    if (nodes_[id].frame != frame || nodes_[id].parent != parent) continue;
    *node = StackId{id};
    if (id == added && NodeCount() * 2 > index->mask) GrowIndex(index, NodeCount());
    return true;
  }
  // The index is crowded while another thread makes a larger one: a node that nobody will find
  // again.
  if (added == kNoNode) added = AddNode(frame, parent);
  *node = StackId{added};
  return added != kNoNode;
}

// The node of an index slot; a free one is given to a node made of `frame` and `parent`, which is
// kept in `added` for the next slot where another thread was faster. kNoNode: none could be made.
std::uint32_t StackTree::NodeAt(std::atomic<std::uint32_t>& slot, std::uint64_t frame,
                                StackId parent, std::uint32_t* added) {
  // Acquire pairs with the release below: a node is complete before its id can be seen.
  std::uint32_t id = slot.load(std::memory_order_acquire);
  if (id != 0) return id;
  if (*added == kNoNode) *added = AddNode(frame, parent);
  if (*added == kNoNode) return kNoNode;
  bool is_ours = slot.compare_exchange_strong(id, *added, std::memory_order_release,
                                              std::memory_order_acquire);
  return is_ours ? *added : id;
}

// GrowIndex may look at a node that is claimed but not entered in the index yet, so both sides are
// atomic: it sees no frame, and leaves the node out, or all of it.
std::uint32_t StackTree::AddNode(std::uint64_t frame, StackId parent) {
  std::uint64_t id = 0;
  if (!segment_->Claim(*node_section_, 1, &id)) return kNoNode;
  std::atomic_ref(nodes_[id].parent).store(parent, std::memory_order_relaxed);
  std::atomic_ref(nodes_[id].frame).store(frame, std::memory_order_release);  // pairs with Enter
  return static_cast<std::uint32_t>(id);
}

// Nodes that other threads add to the old index meanwhile are missing from the new one and will be
// added a second time. The old index stays mapped: somebody may be reading it, and all old ones
// together are smaller than the new one.
void StackTree::GrowIndex(Index* old, std::uint64_t nodes) {
  if (is_growing_.exchange(true, std::memory_order_acquire)) return;
  std::uint64_t slots = std::bit_ceil(nodes * 4);
  Index* index = index_.load(std::memory_order_relaxed) == old ? MakeIndex(slots) : nullptr;
  if (index != nullptr) {
    for (std::uint64_t id = kRootNodes; id < nodes; ++id)
      index->Enter(nodes_[id], static_cast<std::uint32_t>(id));
    segment_->counters().private_bytes.fetch_add(index->Bytes(), std::memory_order_relaxed);
    index_.store(index, std::memory_order_release);  // pairs with the acquire in FindOrAdd
  }
  is_growing_.store(false, std::memory_order_release);
}

// Nobody else sees the index yet. A node that is claimed, but not written, is left out.
void StackTree::Index::Enter(StackNode& node, std::uint32_t id) {
  std::uint64_t frame = std::atomic_ref(node.frame).load(std::memory_order_acquire);
  if (frame == 0) return;
  std::uint64_t at = HashOf(frame, std::atomic_ref(node.parent).load(std::memory_order_relaxed));
  for (int probes = 0; probes < kMaxProbes; ++probes, ++at) {
    std::uint32_t present = Slot(at).load(std::memory_order_relaxed);
    if (present == 0) return Slot(at).store(id, std::memory_order_relaxed);
  }
}

SiteSlot* StackTree::SiteOf(StackId stack, SiteKind kind) {
  std::atomic<std::uint32_t>* link = &nodes_[static_cast<std::uint32_t>(stack)].site;
  for (;;) {
    std::uint32_t id = link->load(std::memory_order_acquire);  // pairs with the release in AddSite
    if (id == 0) id = AddSite(link, stack, kind);
    if (id == 0) return nullptr;
    if (sites_[id].kind == kind) return &sites_[id];
    link = &sites_[id].sibling;  // there is one of each kind, so this ends
  }
}

// The site that `link` names in the end: a fresh one, or that of a faster thread; 0: no room.
std::uint32_t StackTree::AddSite(std::atomic<std::uint32_t>* link, StackId stack, SiteKind kind) {
  std::uint64_t claimed = 0;
  if (!segment_->Claim(*site_section_, 1, &claimed)) {
    segment_->counters().dropped_stacks_full.fetch_add(1, std::memory_order_relaxed);
    return 0;
  }
  sites_[claimed].stack = stack;
  sites_[claimed].kind = kind;
  auto fresh = static_cast<std::uint32_t>(claimed);
  std::uint32_t none = 0;
  // Losing the race leaves an entry without samples, which readers pass over.
  return link->compare_exchange_strong(none, fresh, std::memory_order_acq_rel) ? fresh : none;
}

}  // namespace limpet
