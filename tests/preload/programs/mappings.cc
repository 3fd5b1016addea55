// Maps and unmaps memory by the page, and known parts of it.

#include <stdlib.h>
#include <sys/mman.h>

#include "tests/preload/programs/stage.h"

namespace {

constexpr size_t kPage = 4096;

char* Map(size_t pages, void* at = nullptr, int flags = 0) {
  void* mapping =
      mmap(at, pages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  Require(mapping != MAP_FAILED, "mmap works");
  return static_cast<char*>(mapping);
}

SITE void MapsWhole() { munmap(Map(10), 10 * kPage); }
SITE void MapsAndCutsFront() { munmap(Map(10), 3 * kPage); }
SITE void MapsAndCutsEnd() { munmap(Map(10) + 6 * kPage, 4 * kPage); }
SITE void MapsAndCutsHole() { munmap(Map(10) + 4 * kPage, 2 * kPage); }
SITE void MapsOverPart() {
  char* mapping = Map(10);
  Require(Map(2, mapping + 4 * kPage, MAP_FIXED) == mapping + 4 * kPage, "MAP_FIXED is obeyed");
}
SITE void MapsAndGrows() {
  void* grown = mremap(Map(4), 4 * kPage, 9 * kPage, MREMAP_MAYMOVE);
  Require(grown != MAP_FAILED, "mremap grows");
}
SITE void MapsAndShrinks() {
  Require(mremap(Map(8), 8 * kPage, 5 * kPage, 0) != MAP_FAILED, "mremap shrinks");
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

}  // namespace

int main() {
  StartWatchdog();
  MapsWhole();
  MapsAndCutsFront();
  MapsAndCutsEnd();
  MapsAndCutsHole();
  MapsOverPart();
  MapsAndGrows();
  MapsAndShrinks();
  MapsOddBytes();
  MapsNothing();
  UseBlock(malloc(100));
  Say("ready");
  WaitForTest();
}
