#include "runtime/stack/rule_cache.h"

#include <cstring>

#include "runtime/stack/eh_frame.h"
#include "runtime/stack/go_object.h"
#include "runtime/sys/errno_keeper.h"

namespace limpet {
namespace {

// Own memory, limited to the object that is being read: a damaged table cannot lead elsewhere.
class ObjectMemory {
 public:
  explicit ObjectMemory(const LoadedObject& object)
      : start_(object.map_start), end_(object.map_end) {}

  template <class T>
  bool Read(std::uint64_t address, T* value) const {
    if (address < start_ || address > end_ || end_ - address < sizeof(T)) return false;
    memcpy(value, reinterpret_cast<const void*>(address), sizeof(T));
    return true;
  }

 private:
  std::uint64_t start_;
  std::uint64_t end_;
};

}  // namespace

void RuleCache::Invalidate() {
  std::uint32_t before = generation_.fetch_add(1, std::memory_order_release);
  if ((before + 1) % kSweepPeriod == 0) Sweep();
}

void RuleCache::Sweep() {
  for (auto& set : entries_) {
    for (Entry& entry : set) {
      std::uint64_t key = entry.key.load(std::memory_order_relaxed);
      // Untouched pages stay untouched, and an entry that is being stored is left to its thread.
      if (key != 0 && key != kBusy)
        entry.key.compare_exchange_strong(key, 0, std::memory_order_relaxed);
    }
  }
}

UnwindRule RuleCache::FindSlow(std::uint64_t code) {
  sys::ErrnoKeeper errno_keeper;  // of the finder, which is libc's
  std::uint64_t key = KeyOf(code);
  UnwindRule rule = Decode(code);
  Store(code, key, rule);
  return rule;
}

// A return address may be the first byte behind a function that ends in a call, so the call itself
// is what is looked up.
UnwindRule RuleCache::Decode(std::uint64_t code) const {
  bool is_exact = (code & kFrameIsExact) != 0;
  std::uint64_t pc = (code & kFrameAddressMask) - (is_exact ? 0 : 1);
  LoadedObject object;
  if (!FindLoadedObject(pc, &object)) return UnwindRule::Make(RuleKind::kNoEntry);
  ObjectMemory memory(object);
  UnwindRule rule = object.eh_frame_header == 0
                        ? UnwindRule::Make(RuleKind::kNoEntry)
                        : EhFrame<ObjectMemory>(memory, object.eh_frame_header).RuleAt(pc);
  if (rule.kind() == RuleKind::kNoEntry && IsGoObject(memory, object))
    rule = UnwindRule::Make(RuleKind::kGo);
  return registrar_ == nullptr ? rule : rule.WithModule(registrar_(object));
}

void RuleCache::Store(std::uint64_t code, std::uint64_t key, UnwindRule rule) {
  Entry* set = SetOf(code);
  int way = 0;
  while (way < kWays - 1 && set[way].key.load(std::memory_order_relaxed) != 0) ++way;
  if (set[way].key.load(std::memory_order_relaxed) != 0)
    way = static_cast<int>(code >> 2) & (kWays - 1);

  std::uint64_t old = set[way].key.load(std::memory_order_relaxed);
  if (old == kBusy) return;
  // Acquire keeps the rule's store behind the claim.
  if (!set[way].key.compare_exchange_strong(old, kBusy, std::memory_order_acquire)) return;
  set[way].rule.store(rule.word(), std::memory_order_release);
  set[way].key.store(key, std::memory_order_release);  // pairs with the acquires in Find()
}

}  // namespace limpet
