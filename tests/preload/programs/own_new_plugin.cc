// A plug-in with operators of its own, and nothing else of C++.

#include "tests/preload/programs/own_operators.h"

extern "C" {

[[gnu::visibility("default")]] void PluginRuns() {
  int* block = new int;
  UseBlock(block);
  delete block;
  UseBlock(nullptr);  // so that delete is called, not jumped to: its caller is this plug-in
}

[[gnu::visibility("default")]] void PluginOwns() {
  int* block = new int;
  UseBlock(block);
  const char* header = reinterpret_cast<char*>(block) - kHeaderBytes;
  Require(memcmp(header, &kMark, sizeof(kMark)) == 0, "what is made was made here");
  delete block;
}

}  // extern "C"
