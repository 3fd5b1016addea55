#include "runtime/elf/reachable_objects.h"

#include "runtime/elf/elf_object.h"

namespace limpet {
namespace {

bool Holds(const LoadedObject& object, std::uint64_t address) {
  return ObjectMemory(object).Holds(address);
}

}  // namespace

ReachableObjects::ReachableObjects(std::uint64_t address, std::uint64_t excluded) {
  if (!FindLoadedObject(excluded, &excluded_)) excluded_ = {};
  Add(address);
}

std::uint64_t ReachableObjects::Find(const char* name) {
  for (int i = 0; i < count_ || Grow(); ++i) {
    std::uint64_t address = ElfObject(objects_[i]).Find(name);
    if (address != 0) return address;
  }
  return 0;
}

// True when there are more objects than before.
bool ReachableObjects::Grow() {
  int before = count_;
  while (count_ == before && grown_ < count_) {
    ElfObject(objects_[grown_++]).ForEachImport([this](std::uint64_t address) { Add(address); });
  }
  return count_ != before;
}

void ReachableObjects::Add(std::uint64_t address) {
  if (count_ == kMaxObjects || Holds(excluded_, address)) return;
  for (int i = 0; i < count_; ++i) {
    if (Holds(objects_[i], address)) return;
  }
  if (FindLoadedObject(address, &objects_[count_])) ++count_;
}

}  // namespace limpet
