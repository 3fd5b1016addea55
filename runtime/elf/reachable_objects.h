// The objects that one object was linked to, directly or not, as far as its own words tell.
//
//   caller ──global offset table──▶ libfoo.so ──▶ libstdc++.so ──▶ libc.so
//
// The loader's list of them is its own, and all its doors to it take its lock. But what an object
// imports from another keeps that one loaded, so its words may be followed without a lock. Names
// that were not called yet (lazy binding), or that all were bound to our hooks, tell nothing: an
// object may be missed, and never is one found that is not in use.
//
// Runs: target cold paths.  Threads: one owner, which runs code of the first object.
// Allocates: never.
#pragma once

#include <cstdint>

#include "runtime/stack/loaded_object.h"

namespace limpet {

class ReachableObjects {
 public:
  // From the object of `address` on; the object of `excluded` is left out. None without
  // `_dl_find_object`.
  ReachableObjects(std::uint64_t address, std::uint64_t excluded);

  // The first definition of `name`, nearest object first; 0: none.
  std::uint64_t Find(const char* name);

 private:
  static constexpr int kMaxObjects = 64;

  bool Grow();
  void Add(std::uint64_t address);

  LoadedObject excluded_;
  LoadedObject objects_[kMaxObjects];
  int count_ = 0;
  int grown_ = 0;  // of so many the imports are among the objects
};

}  // namespace limpet
