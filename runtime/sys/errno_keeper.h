// errno for a scope: afterwards it is what the program left there, whatever we called in between.
//
// Runs: target hot path (slow side).  Threads: own thread; async-signal-safe.  Allocates: never.
#pragma once

#include <errno.h>

namespace limpet::sys {

class ErrnoKeeper {
 public:
  ErrnoKeeper() : kept_(errno) {}
  ~ErrnoKeeper() { errno = kept_; }
  ErrnoKeeper(const ErrnoKeeper&) = delete;
  ErrnoKeeper& operator=(const ErrnoKeeper&) = delete;

 private:
  int kept_;
};

}  // namespace limpet::sys
