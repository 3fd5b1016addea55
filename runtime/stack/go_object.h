// Whether an object's own code is Go's, which has no unwind table but keeps rbp as a frame pointer
// everywhere. A call from Go to C leaves the goroutine's stack for the thread's, with rbp still on
// the former (Go, runtime/asm_amd64.s, asmcgocall).
//
//   PT_NOTE:  name size 4 | description size | type | "Go\0\0" | build id
//
// Source: Go, cmd/link/internal/ld/elf.go: ELF_NOTE_GO_NAME
//
// Runs: target hot path (cold side).  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <elf.h>

#include <cstdint>
#include <cstring>

#include "runtime/stack/loaded_object.h"

namespace limpet {

// `notes`: at most so many are looked at.
template <class Memory>
bool HasGoNote(const Memory& memory, std::uint64_t address, std::uint64_t end, int notes = 16) {
  constexpr std::uint32_t kGoName = 'G' | 'o' << 8;
  for (; notes > 0 && address < end; --notes) {
    Elf64_Nhdr note;
    std::uint32_t name = 0;
    if (!memory.Read(address, &note) || !memory.Read(address + sizeof(note), &name)) return false;
    if (note.n_namesz == sizeof(kGoName) && name == kGoName) return true;
    auto padded = [](std::uint64_t bytes) { return (bytes + 3) & ~std::uint64_t{3}; };
    address += sizeof(note) + padded(note.n_namesz) + padded(note.n_descsz);
  }
  return false;
}

// Calls `see` with each program header until that answers true.
template <class Memory, class See>
bool AnySegment(const Memory& memory, const LoadedObject& object, See see) {
  Elf64_Ehdr header;
  if (!memory.Read(object.map_start, &header) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return false;
  for (std::uint64_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::uint64_t address = object.map_start + header.e_phoff + i * sizeof(segment);
    if (!memory.Read(address, &segment)) return false;
    if (see(segment)) return true;
  }
  return false;
}

// Between an object's segments may be holes.
template <class Memory>
bool IsLoaded(const Memory& memory, const LoadedObject& object, const Elf64_Phdr& notes) {
  return AnySegment(memory, object, [&notes](const Elf64_Phdr& segment) {
    return segment.p_type == PT_LOAD && notes.p_vaddr >= segment.p_vaddr &&
           notes.p_vaddr - segment.p_vaddr <= segment.p_filesz &&
           segment.p_filesz - (notes.p_vaddr - segment.p_vaddr) >= notes.p_memsz;
  });
}

template <class Memory>
bool IsGoObject(const Memory& memory, const LoadedObject& object) {
  return AnySegment(memory, object, [&](const Elf64_Phdr& segment) {
    std::uint64_t start = object.load_bias + segment.p_vaddr;
    return segment.p_type == PT_NOTE && IsLoaded(memory, object, segment) &&
           HasGoNote(memory, start, start + segment.p_memsz);
  });
}

}  // namespace limpet
