// Maps, moves and unmaps memory by the page, and known parts of it.

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/preload/programs/stage.h"

namespace {

constexpr size_t kPage = 4096;

char* Map(size_t pages, void* at = nullptr, int flags = 0) {
  void* mapping =
      mmap(at, pages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  Require(mapping != MAP_FAILED, "mmap works");
  return static_cast<char*>(mapping);
}

// Where nothing is mapped.
char* FreeRange(size_t pages) {
  char* place = Map(pages);
  munmap(place, pages * kPage);
  return place;
}

// Inlined, so that the site is the caller.
[[gnu::always_inline]] inline char* Remap(char* at, size_t old_pages, size_t pages, int flags,
                                          void* target = nullptr) {
  void* moved = mremap(at, old_pages * kPage, pages * kPage, flags, target);
  Require(moved != MAP_FAILED, "mremap works");
  return static_cast<char*>(moved);
}

[[gnu::always_inline]] inline void* RemapOver(char* at, size_t old_pages, size_t pages,
                                              void* target) {
  return mremap(at, old_pages * kPage, pages * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, target);
}

SITE void MapsWhole() { munmap(Map(10), 10 * kPage); }
SITE void MapsAndCutsFront() { munmap(Map(10), 3 * kPage); }
SITE void MapsAndCutsEnd() { munmap(Map(10) + 6 * kPage, 4 * kPage); }
SITE void MapsAndCutsHole() { munmap(Map(10) + 4 * kPage, 2 * kPage); }
SITE void MapsOverPart() {
  char* mapping = Map(10);
  Require(Map(2, mapping + 4 * kPage, MAP_FIXED) == mapping + 4 * kPage, "MAP_FIXED is obeyed");
}
SITE void MapsFileOverPart() {
  int file = memfd_create("file", 0);
  void* target = Map(10) + 4 * kPage;
  Require(mmap(target, 2 * kPage, PROT_READ, MAP_PRIVATE | MAP_FIXED, file, 0) == target,
          "MAP_FIXED is obeyed");
}

// By a way that no hook sees.
void UnmapUnseen(char* start, size_t pages) {
  Require(syscall(SYS_munmap, start, pages * kPage) == 0, "a raw munmap works");
}

SITE void MapsFileWhereUnmappedUnseen() {
  int file = memfd_create("file", 0);
  char* target = Map(10) + 4 * kPage;
  UnmapUnseen(target, 2);
  Require(mmap(target, 2 * kPage, PROT_READ, MAP_PRIVATE, file, 0) == target,
          "a hint to a free place is followed");
}
SITE void GrowsFileWhereUnmappedUnseen() {
  int file = memfd_create("file", 0);
  char* mapping = Map(10);
  Require(mmap(mapping, 4 * kPage, PROT_READ, MAP_PRIVATE | MAP_FIXED, file, 0) == mapping,
          "MAP_FIXED is obeyed");
  UnmapUnseen(mapping + 4 * kPage, 2);
  Require(Remap(mapping, 4, 6, 0) == mapping, "it grew where it was");
}
SITE void MapsAndGrowsAnywhere() { Remap(Map(4), 4, 9, MREMAP_MAYMOVE); }
SITE void MapsAndGrowsInPlace() {
  char* mapping = Map(20);
  munmap(mapping + 10 * kPage, 10 * kPage);
  Require(Remap(mapping, 10, 14, 0) == mapping, "it grew where it was");
}
SITE void MapsAndGrowsPart() {
  char* mapping = Map(20);
  munmap(mapping + 10 * kPage, 10 * kPage);
  Remap(mapping + 6 * kPage, 4, 8, 0);
}
SITE void MapsAndShrinksWhole() { Remap(Map(8), 8, 5, 0); }
SITE void MapsAndShrinksPart() { Remap(Map(10) + 2 * kPage, 6, 3, 0); }
SITE void MapsAndKeepsSize() { Remap(Map(8), 8, 8, MREMAP_MAYMOVE); }
SITE void MovesPart() {
  char* mapping = Map(10);
  Require(RemapOver(mapping + 3 * kPage, 4, 4, FreeRange(4)) != MAP_FAILED, "mremap moves");
}
SITE void MovesWholeOverKnown() {
  char* target = Map(10) + 3 * kPage;
  Require(RemapOver(Map(4), 4, 4, target) == target, "MREMAP_FIXED is obeyed");
}
SITE void MovesShorterOverKnown() {
  char* target = Map(10) + 3 * kPage;
  Require(RemapOver(Map(6), 6, 2, target) == target, "MREMAP_FIXED is obeyed");
}
SITE void MovesFileOverKnown() {
  int file = memfd_create("file", 0);
  void* mapping = mmap(nullptr, 4 * kPage, PROT_READ, MAP_PRIVATE, file, 0);
  char* target = Map(10) + 3 * kPage;
  Require(RemapOver(static_cast<char*>(mapping), 4, 4, target) == target, "MREMAP_FIXED is obeyed");
}
SITE void MovesAndKeepsOld() { Remap(Map(4), 4, 4, MREMAP_MAYMOVE | MREMAP_DONTUNMAP); }
SITE void MovesOverKnownAndKeepsOld() {
  char* target = Map(10) + 3 * kPage;
  Remap(Map(4), 4, 4, MREMAP_MAYMOVE | MREMAP_DONTUNMAP | MREMAP_FIXED, target);
}
SITE void DuplicatesWhole() {
  void* mapping =
      mmap(nullptr, 4 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  Remap(static_cast<char*>(mapping), 0, 4, MREMAP_MAYMOVE);
}
SITE void DuplicatesOverKnown() {
  void* mapping =
      mmap(nullptr, 4 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  Remap(static_cast<char*>(mapping), 0, 2, MREMAP_MAYMOVE | MREMAP_FIXED, Map(10) + 3 * kPage);
}
SITE void FailsToUnmap() {
  char* mapping = Map(10);
  Require(munmap(mapping, size_t{1} << 47) != 0 && errno == EINVAL, "no program has that much");
  Require(munmap(mapping + 1, kPage) != 0 && errno == EINVAL, "only whole pages are unmapped");
}
SITE void FailsToMapOver() {
  char* mapping = Map(10);
  void* result = mmap(mapping + kPage, 4 * kPage, PROT_READ, MAP_PRIVATE | MAP_FIXED, -1, 0);
  Require(result == MAP_FAILED && errno == EBADF, "a file is needed");
}
SITE void FailsToMove() {
  char* mapping = Map(10);
  Require(mremap(mapping, 10 * kPage, size_t{1} << 46, MREMAP_MAYMOVE) == MAP_FAILED,
          "no program has that much");
  Require(RemapOver(mapping, 4, 4, mapping + 2 * kPage) == MAP_FAILED && errno == EINVAL,
          "a mapping is not moved over itself");
  Require(RemapOver(mapping, 4, 4, mapping + 5 * kPage + 1) == MAP_FAILED && errno == EINVAL,
          "only whole pages are moved");
}

// mmap(2), BUGS: where it fails after all its arguments were found good, what was there may be
// gone. Here there are no huge pages. Tells how much of the mapping is left.
SITE size_t FailsToMapHugeOver() {
  constexpr size_t kHuge = size_t{2} << 20;
  char* mapping = Map(3 * kHuge / kPage);
  char* target =
      reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(mapping) + kHuge - 1) & ~(kHuge - 1));
  void* result = mmap(target, kHuge, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_HUGETLB, -1, 0);
  bool is_left = result != MAP_FAILED || msync(target, kHuge, MS_ASYNC) == 0;
  return 3 * kHuge - (is_left ? 0 : kHuge);
}
SITE void MapsOddBytes() {
  void* mapping = mmap(nullptr, 5000, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  Require(mapping != MAP_FAILED, "mmap of an odd size works");
}
SITE void MapsNothing() {
  volatile size_t nothing = 0;
  Require(mmap(nullptr, nothing, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED,
          "mmap of nothing fails");
}

// Addresses go round among the threads: what one unmaps the next is given at once.
SITE void* ChurnsInThread(void*) {
  for (int i = 0; i < 3000; ++i) {
    char* mapping = Map(6);
    munmap(mapping + 2 * kPage, kPage);
    char* moved = Remap(mapping, 2, 7, MREMAP_MAYMOVE);
    munmap(mapping + 3 * kPage, 3 * kPage);
    munmap(moved, 7 * kPage);
  }
  return nullptr;
}

void ChurnInThreads() {
  pthread_t threads[4];
  for (pthread_t& thread : threads)
    Require(pthread_create(&thread, nullptr, ChurnsInThread, nullptr) == 0, "a thread starts");
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
}

}  // namespace

int main() {
  StartWatchdog();
  MapsWhole();
  MapsAndCutsFront();
  MapsAndCutsEnd();
  MapsAndCutsHole();
  MapsOverPart();
  MapsFileOverPart();
  MapsFileWhereUnmappedUnseen();
  GrowsFileWhereUnmappedUnseen();
  MapsAndGrowsAnywhere();
  MapsAndGrowsInPlace();
  MapsAndGrowsPart();
  MapsAndShrinksWhole();
  MapsAndShrinksPart();
  MapsAndKeepsSize();
  MovesPart();
  MovesWholeOverKnown();
  MovesShorterOverKnown();
  MovesFileOverKnown();
  MovesAndKeepsOld();
  MovesOverKnownAndKeepsOld();
  DuplicatesWhole();
  DuplicatesOverKnown();
  FailsToUnmap();
  FailsToMapOver();
  FailsToMove();
  size_t left = FailsToMapHugeOver();
  ChurnInThreads();
  MapsOddBytes();
  MapsNothing();
  UseBlock(malloc(100));
  Say("left %zu", left);
  WaitForTest();
}
