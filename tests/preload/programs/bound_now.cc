// Bound at load (-z now): says whose operator new and delete it was bound to, and uses them. Has a
// function that libraries call by a name of libc.

#include <dlfcn.h>

#include <cstdlib>
#include <new>

#include "tests/preload/programs/stage.h"

namespace {

// strcmp is the program's own, and needs the program to be relocated.
int Compare(const char* a, const char* b) {
  for (; *a == *b && *a != '\0'; ++a, ++b) {
  }
  return *a - *b;
}
int (*volatile g_compare)(const char*, const char*) = Compare;

}  // namespace

extern "C" int strcmp(const char* a, const char* b) { return g_compare(a, b); }

namespace {

void SayObjectOf(void* function) {
  Dl_info info = {};
  dladdr(function, &info);
  Say("%s", info.dli_fname != nullptr ? info.dli_fname : "?");
}

SITE void ByNew() {
  int* kept[6];
  for (int*& block : kept) UseBlock(block = new int[10]);
  for (int i = 0; i < 4; ++i) delete[] kept[i];
}

}  // namespace

int main() {
  StartWatchdog();
  SayObjectOf(reinterpret_cast<void*>(static_cast<void* (*)(std::size_t)>(::operator new)));
  SayObjectOf(reinterpret_cast<void*>(static_cast<void (*)(void*)>(::operator delete)));
  ByNew();
  Say("ready");
  WaitForTest();
}
