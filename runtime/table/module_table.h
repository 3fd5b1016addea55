// The executables and shared objects that stacks go through, as the segment tells them to readers.
//
// A module is entered when the first frame in it is seen. After dlclose another object may lie at
// the same address, so every module is looked at anew: the same one keeps its id, another one gets
// the next.
//
// A forked child goes on with a copy of its parent's modules, so that what it inherits of unwind
// rules, which name them by their ids, is good for its own segment as well.
//
// Runs: target hot path (cold side).  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/layout/module_slot.h"
#include "runtime/stack/loaded_object.h"
#include "runtime/table/segment_writer.h"

namespace limpet {

struct ModuleCopy {
  std::uint64_t modules = 0;
  std::uint64_t string_bytes = 0;
};

class ModuleTable {
 public:
  // Starts in a fresh segment, with the main executable as module 1. `executable` is its path.
  [[nodiscard]] bool Attach(SegmentWriter* segment, const char* executable);

  // In a forked child, while its parent's segment is still mapped: writes the modules that the
  // parent had at the fork into the child's file. False: they are not all there.
  [[nodiscard]] bool CopyTo(const SegmentFile& file, ModuleCopy* copy) const;
  // Instead of Attach, in the segment of that file.
  [[nodiscard]] bool AttachCopy(const ModuleCopy& copy);

  // The id of `object`, 0 (counted) where there is no room for it.
  std::uint16_t IdOf(const LoadedObject& object);

 private:
  static constexpr std::uint32_t kHintSlots = 256;

  std::uint16_t Find(const ModuleSlot& wanted, const char* path);
  std::uint16_t Add(const ModuleSlot& described, const char* path);
  std::uint16_t Enter(const ModuleSlot& described, const char* path);
  bool StorePath(const char* path, ModuleSlot* slot);
  bool IsSame(const ModuleSlot& slot, const ModuleSlot& wanted, const char* path) const;

  SegmentWriter* segment_ = nullptr;
  ModuleSlot* slots_ = nullptr;
  SectionEntry* section_ = nullptr;
  const char* executable_ = nullptr;
  // Private, so that a child finds them as they were at the fork.
  std::atomic<std::uint64_t> known_ = 0;               // ids below it are taken
  std::atomic<std::uint32_t> adding_ = 0;              // threads that are about to enter one
  std::atomic<std::uint16_t> hints_[kHintSlots] = {};  // by map_start: the id found last
};

}  // namespace limpet
