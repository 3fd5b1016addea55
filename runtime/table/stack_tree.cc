#include "runtime/table/stack_tree.h"

#include <bit>

#include "runtime/sys/private_pages.h"

namespace limpet {
namespace {

constexpr std::uint64_t TagOf(std::uint64_t path_hash) { return path_hash >> 32; }
constexpr std::uint64_t MakeEntry(std::uint64_t path_hash, std::uint32_t id) {
  return TagOf(path_hash) << 32 | id;
}
constexpr std::uint64_t TagOfEntry(std::uint64_t entry) { return entry >> 32; }
constexpr std::uint32_t CheckOf(std::uint64_t path_hash) {
  return static_cast<std::uint32_t>(path_hash);
}
constexpr std::uint32_t IdOf(std::uint64_t entry) { return static_cast<std::uint32_t>(entry); }

}  // namespace

StackTree::Index* StackTree::MakeIndex(std::uint64_t slots) {
  auto* index = sys::MapPrivatePages<Index>(sizeof(Index) + slots * sizeof(Entry));
  if (index != nullptr) index->mask = slots - 1;
  return index;
}

bool StackTree::Attach(SegmentWriter* segment) {
  segment_ = segment;
  nodes_ = segment->Entries<StackNode>(SectionKind::kStackNodes);
  node_section_ = &segment->Section(SectionKind::kStackNodes);
  sites_ = segment->Entries<SiteSlot>(SectionKind::kSites);
  site_section_ = &segment->Section(SectionKind::kSites);
  ResetIndex();
  is_growing_.store(false, std::memory_order_relaxed);
  grows_at_.store(kFirstIndexSlots / 2, std::memory_order_relaxed);
  std::uint64_t root = 0, site = 0;
  return index_.load(std::memory_order_relaxed) != nullptr &&
         segment->Claim(*node_section_, kRootNodes, &root) &&
         segment->Claim(*site_section_, 1, &site);
}

// The first one of the process we were forked from does as well.
void StackTree::ResetIndex() {
  Index* inherited = index_.load(std::memory_order_relaxed);
  if (inherited != first_index_) sys::UnmapPages(inherited, inherited->Bytes());
  if (first_index_ == nullptr)
    first_index_ = MakeIndex(kFirstIndexSlots);
  else
    first_index_->Clear();
  index_.store(first_index_, std::memory_order_relaxed);
}

std::uint64_t StackTree::NodeCount() const {
  return node_section_->used.load(std::memory_order_relaxed);
}

InternedStack StackTree::FindOrAddStack(RememberedWalk* walk) {
  StackId root = walk->is_truncated ? StackId::kTruncated : StackId::kComplete;
  if (walk->depth == 0) return {root, RootPathHash(walk->is_truncated)};
  WalkedFrame& leaf = walk->frames[walk->depth - 1];
  leaf.node = FindStack(leaf.path_hash);
  bool is_found = leaf.node != WalkedFrame::kNoNode;
  return is_found ? InternedStack{leaf.node, leaf.path_hash} : AddStack(walk, root);
}

// By its hash alone: half of it is in the index, the other in the site. Frames are compared when a
// stack gets its site, and two of a million stacks share all 64 bits with a chance of 3 in 10^8.
StackId StackTree::FindStack(std::uint64_t path_hash) const {
  Index* index = index_.load(std::memory_order_acquire);
  std::uint64_t at = TagOf(path_hash);
  for (int probes = 0; probes < kMaxProbes; ++probes, ++at) {
    std::uint64_t entry = index->Slot(at).load(std::memory_order_acquire);
    if (entry == 0) break;
    if (TagOfEntry(entry) != TagOf(path_hash)) continue;
    // Acquire pairs with the release in AddSite: the check is there.
    std::uint32_t site = nodes_[IdOf(entry)].site.load(std::memory_order_acquire);
    if (site != 0 && sites_[site].path_check == CheckOf(path_hash)) return StackId{IdOf(entry)};
  }
  return WalkedFrame::kNoNode;
}

// Frame by frame, inwards from the innermost whose node is known.
InternedStack StackTree::AddStack(RememberedWalk* walk, StackId root) {
  std::uint32_t known = walk->depth;
  while (known != 0 && walk->frames[known - 1].node == WalkedFrame::kNoNode) --known;
  StackId node = known != 0 ? walk->frames[known - 1].node : root;
  Prefetch(*walk, known);
  for (WalkedFrame* frame = &walk->frames[known]; frame != &walk->frames[walk->depth]; ++frame) {
    if (!IsAtHome(node, frame) && !FindOrAdd(node, frame)) return DropStack(walk);
    node = frame->node;
  }
  return {node, walk->frames[walk->depth - 1].path_hash};
}

InternedStack StackTree::DropStack(RememberedWalk* walk) {
  segment_->counters().dropped_stacks_full.fetch_add(1, std::memory_order_relaxed);
  walk->Forget();
  return {StackId::kComplete, RootPathHash(false)};
}

void StackTree::Prefetch(const RememberedWalk& walk, std::uint32_t from) const {
  Index* index = index_.load(std::memory_order_acquire);
  for (std::uint32_t i = from; i < walk.depth; ++i)
    __builtin_prefetch(&index->Slot(TagOf(walk.frames[i].path_hash)));
}

// The usual case: the node is there, at the first place of its hash.
bool StackTree::IsAtHome(StackId parent, WalkedFrame* frame) const {
  Index* index = index_.load(std::memory_order_acquire);
  std::uint64_t entry = index->Slot(TagOf(frame->path_hash)).load(std::memory_order_acquire);
  if (entry == 0 || !IsNode(entry, parent, *frame)) return false;
  frame->node = StackId{IdOf(entry)};
  return true;
}

bool StackTree::FindOrAdd(StackId parent, WalkedFrame* frame) {
  Index* index = index_.load(std::memory_order_acquire);  // pairs with the release in GrowIndex
  std::uint32_t added = kNoNode;
  std::uint64_t at = TagOf(frame->path_hash);
  for (int probes = 0; probes < kMaxProbes; ++probes, ++at) {
    std::uint64_t entry = EntryAt(index->Slot(at), parent, *frame, &added);
    if (entry == 0) return false;
    if (!IsNode(entry, parent, *frame)) continue;
    frame->node = StackId{IdOf(entry)};
    bool is_crowded = NodeCount() > grows_at_.load(std::memory_order_relaxed);
    if (IdOf(entry) == added && is_crowded) GrowIndex(index, NodeCount());
    return true;
  }
  // The index is crowded while another thread makes a larger one: a node that nobody will find
  // again. Where a larger one was refused, such nodes would soon fill the segment.
  bool is_replaced = index_.load(std::memory_order_relaxed) != index;
  if (!is_replaced && !is_growing_.load(std::memory_order_relaxed)) return false;
  if (added == kNoNode) added = AddNode(frame->frame, parent);
  frame->node = StackId{added};
  return added != kNoNode;
}

bool StackTree::IsNode(std::uint64_t entry, StackId parent, const WalkedFrame& frame) const {
  const StackNode& node = nodes_[IdOf(entry)];
  return TagOfEntry(entry) == TagOf(frame.path_hash) && node.frame == frame.frame &&
         node.parent == parent;
}

// The entry of an index slot; a free one is given to a node made of `frame` and `parent`, which is
// kept in `added` for the next slot where another thread was faster. 0: none could be made.
std::uint64_t StackTree::EntryAt(Entry& slot, StackId parent, const WalkedFrame& frame,
                                 std::uint32_t* added) {
  // Acquire pairs with the release below: a node is complete before its id can be seen.
  std::uint64_t entry = slot.load(std::memory_order_acquire);
  if (entry != 0) return entry;
  if (*added == kNoNode) *added = AddNode(frame.frame, parent);
  if (*added == kNoNode) return 0;
  std::uint64_t ours = MakeEntry(frame.path_hash, *added);
  bool is_ours = slot.compare_exchange_strong(entry, ours, std::memory_order_release,
                                              std::memory_order_acquire);
  return is_ours ? ours : entry;
}

std::uint32_t StackTree::AddNode(std::uint64_t frame, StackId parent) {
  std::uint64_t id = 0;
  if (!segment_->Claim(*node_section_, 1, &id)) return kNoNode;
  nodes_[id].parent = parent;
  nodes_[id].frame = frame;
  return static_cast<std::uint32_t>(id);
}

// Nodes that other threads add to the old index meanwhile are missing from the new one and will be
// added a second time. The old index stays mapped, because somebody may be reading it, but gives
// its memory back: who reads it finds it empty, and adds a node a second time.
void StackTree::GrowIndex(Index* old, std::uint64_t nodes) {
  if (is_growing_.exchange(true, std::memory_order_acquire)) return;
  if (index_.load(std::memory_order_relaxed) == old) {
    std::uint64_t slots = std::bit_ceil(nodes * 4);
    if (slots < kSecondIndexSlots) slots = kSecondIndexSlots;
    Index* larger = MakeIndex(slots);
    // A refusal is not asked for again at the next node, but when twice as many are there.
    grows_at_.store(larger != nullptr ? slots / 2 : nodes * 2, std::memory_order_relaxed);
    ReplaceIndex(old, larger);
  }
  is_growing_.store(false, std::memory_order_release);
}

void StackTree::ReplaceIndex(Index* old, Index* larger) {
  if (larger == nullptr) return;
  for (std::uint64_t at = 0; at <= old->mask; ++at)
    larger->Enter(old->Slot(at).load(std::memory_order_acquire));  // with what it names
  segment_->counters().private_bytes.fetch_add(larger->Bytes() - old->Bytes(),
                                               std::memory_order_relaxed);
  index_.store(larger, std::memory_order_release);  // pairs with the acquire in FindOrAdd
  old->Empty();
}

void StackTree::Index::Clear() {
  for (std::uint64_t at = 0; at <= mask; ++at) Slot(at).store(0, std::memory_order_relaxed);
}

// The first page keeps the mask.
void StackTree::Index::Empty() {
  if (Bytes() <= sys::kPageBytes) return;
  sys::DropPages(reinterpret_cast<char*>(this) + sys::kPageBytes, Bytes() - sys::kPageBytes);
}

// Nobody else sees the index yet.
void StackTree::Index::Enter(std::uint64_t entry) {
  if (entry == 0) return;
  std::uint64_t at = TagOfEntry(entry);
  for (int probes = 0; probes < kMaxProbes; ++probes, ++at) {
    if (Slot(at).load(std::memory_order_relaxed) != 0) continue;
    return Slot(at).store(entry, std::memory_order_relaxed);
  }
}

SiteSlot* StackTree::FindOrAddSite(std::atomic<std::uint32_t>* link, const InternedStack& stack,
                                   SiteKind kind) {
  for (;;) {
    std::uint32_t id = link->load(std::memory_order_acquire);
    if (id == 0) id = AddSite(link, stack, kind);
    if (id == 0) return nullptr;
    if (sites_[id].kind == kind) return &sites_[id];
    link = &sites_[id].sibling;  // there is one of each kind, so this ends
  }
}

// The site that `link` names in the end: a fresh one, or that of a faster thread; 0: no room.
std::uint32_t StackTree::AddSite(std::atomic<std::uint32_t>* link, const InternedStack& stack,
                                 SiteKind kind) {
  std::uint64_t claimed = 0;
  if (!segment_->Claim(*site_section_, 1, &claimed)) {
    segment_->counters().dropped_stacks_full.fetch_add(1, std::memory_order_relaxed);
    return 0;
  }
  sites_[claimed].stack = stack.id;
  sites_[claimed].kind = kind;
  sites_[claimed].path_check = CheckOf(stack.path_hash);
  auto fresh = static_cast<std::uint32_t>(claimed);
  std::uint32_t none = 0;
  // Losing the race leaves an entry without samples, which readers pass over.
  return link->compare_exchange_strong(none, fresh, std::memory_order_acq_rel) ? fresh : none;
}

}  // namespace limpet
