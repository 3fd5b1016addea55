// pc -> unwind rule and module, filled on demand and shared by all threads.
//
//   entry = { pc | exact | generation, rule | module }      2 words, 4 candidates a pc
//
// A reader takes the first word, the second, and the first again: an entry that was replaced in
// between does not match twice. A writer claims an entry by putting kBusy into its first word; if
// it dies there, one entry is lost. dlclose starts a new generation, which unmatches every entry at
// once.
//
// Runs: target hot path (slow side).  Threads: any; async-signal-safe.  Allocates: never (1 MiB of
// address space in .bss, touched where used).
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/layout/stack_node.h"
#include "runtime/stack/loaded_object.h"
#include "runtime/stack/unwind_rule.h"

namespace limpet {

// Gives the module id of an object, 0 where it has none. Set by the session.
using ModuleRegistrar = std::uint16_t (*)(const LoadedObject& object);

class RuleCache {
 public:
  // `code` is a return address, or the interrupted instruction itself with kFrameIsExact.
  UnwindRule Find(std::uint64_t code) {
    std::uint64_t key = KeyOf(code);
    const Entry* set = SetOf(code);
    for (int way = 0; way < kWays; ++way) {
      // The acquires keep the three loads in order; they pair with the releases in Store().
      if (set[way].key.load(std::memory_order_acquire) != key) continue;
      std::uint64_t rule = set[way].rule.load(std::memory_order_acquire);
      if (set[way].key.load(std::memory_order_relaxed) == key) return UnwindRule::FromWord(rule);
    }
    return FindSlow(code);
  }

  // Forgets everything: after dlclose the same address may be other code, and after fork the module
  // ids are those of another segment.
  void Invalidate();
  std::uint32_t generation() const { return generation_.load(std::memory_order_acquire); }

  void SetRegistrar(ModuleRegistrar registrar) { registrar_ = registrar; }

 private:
  static constexpr int kSetBits = 14;
  static constexpr int kWays = 4;
  static constexpr std::uint64_t kBusy = 1;    // no pc is 1
  static constexpr int kGenerationShift = 48;  // the low 16 bits of it
  // Entries are removed twice before their 16 bits come round again: once might miss one that a
  // thread was about to store.
  static constexpr std::uint32_t kSweepPeriod = 1 << 15;

  struct Entry {
    std::atomic<std::uint64_t> key;
    std::atomic<std::uint64_t> rule;
  };

  std::uint64_t KeyOf(std::uint64_t code) const {
    return code | std::uint64_t{generation()} << kGenerationShift;
  }
  // Neighbouring calls get neighbouring sets, so a page of the cache is a KiB of code. A call takes
  // five bytes: the return addresses of 16 have room in their set.
  Entry* SetOf(std::uint64_t code) {
    std::uint64_t set = (code >> 4) ^ (code >> (kSetBits + 4)) * 0x9E5;
    return entries_[set & ((1u << kSetBits) - 1)];
  }
  [[gnu::cold, gnu::noinline]] UnwindRule FindSlow(std::uint64_t code);
  UnwindRule Decode(std::uint64_t code) const;
  void Store(std::uint64_t code, std::uint64_t key, UnwindRule rule);
  [[gnu::cold]] void Sweep();

  Entry entries_[1u << kSetBits][kWays] = {};
  std::atomic<std::uint32_t> generation_ = 0;
  ModuleRegistrar registrar_ = nullptr;
};

}  // namespace limpet
