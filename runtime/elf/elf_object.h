// One loaded object by its own dynamic section: what it defines by name, and what it was linked to.
//
//   hash table -> symbol -> name, version          relocations -> words that the loader has filled
//   in
//
// dlsym answers the same, but takes the loader's lock, which the thread that runs a plug-in's
// constructors holds meanwhile. These tables never change once code of the object runs.
//
// Runs: target startup and cold paths.  Threads: any, while the object stays loaded.
// Allocates: never.
#pragma once

#include <elf.h>

#include <cstdint>

#include "runtime/stack/loaded_object.h"
#include "runtime/stack/object_memory.h"

namespace limpet {

class ElfObject {
 public:
  explicit ElfObject(const LoadedObject& object);

  // Where dlsym would find `name` in this object, in its default version; 0: nowhere. Functions and
  // data only: thread-local variables and functions that are chosen at load are not found.
  std::uint64_t Find(const char* name) const;

  // Calls `visit` with every address in another object that the loader has put where only the
  // loader writes. Those objects stay loaded as long as this one.
  template <class Visit>
  void ForEachImport(Visit visit) const {
    VisitTable(plt_relocations_, visit);
    VisitTable(relocations_, visit);
  }

 private:
  struct Table {
    std::uint64_t address = 0;
    std::uint64_t bytes = 0;
  };

  void ReadDynamicSection(const LoadedObject& object);
  void TakeEntry(const Elf64_Dyn& entry);
  std::uint64_t InMemory(std::uint64_t address) const;
  std::uint64_t FindByGnuHash(const char* name) const;
  std::uint64_t FindBySysvHash(const char* name) const;
  std::uint64_t FindInChain(std::uint64_t hashes, std::uint64_t index, std::uint32_t hash,
                            const char* name) const;
  std::uint64_t AddressIfNamed(std::uint64_t index, const char* name) const;
  bool IsNamed(const Elf64_Sym& symbol, const char* name) const;
  bool IsDefaultVersion(std::uint64_t index) const;
  bool IsFilledInForGood(const Elf64_Rela& relocation) const;

  // 0 outside of the object.
  template <class T>
  T Load(std::uint64_t address) const {
    T value = 0;
    return memory_.Read(address, &value) ? value : T{0};
  }

  template <class Visit>
  void VisitTable(const Table& table, Visit visit) const {
    Elf64_Rela relocation;
    for (std::uint64_t at = 0; at < table.bytes; at += sizeof(relocation)) {
      if (!memory_.Read(table.address + at, &relocation)) return;
      if (!IsFilledInForGood(relocation)) continue;
      auto address = Load<std::uint64_t>(load_bias_ + relocation.r_offset);
      if (address != 0 && !memory_.Holds(address)) visit(address);
    }
  }

  ObjectMemory memory_;
  std::uint64_t load_bias_;
  std::uint64_t symbols_ = 0;
  std::uint64_t strings_ = 0;
  std::uint64_t versions_ = 0;
  std::uint64_t gnu_hash_ = 0;
  std::uint64_t sysv_hash_ = 0;
  Table relocations_;
  Table plt_relocations_;
};

}  // namespace limpet
