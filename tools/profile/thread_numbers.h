// What the threads of a process are called: small numbers, in the order in which they were made.
//
//   1  main thread      2, 3, ...  as the target counted them      4711  no hook saw it: its tid
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "tools/reader/segment_snapshot.h"

namespace limpet {

class ThreadNumbers {
 public:
  explicit ThreadNumbers(const SegmentSnapshot& snapshot);

  // Of SegmentSnapshot::threads[index]. Different for each.
  std::uint32_t Of(std::size_t index) const { return numbers_[index]; }

  struct Owner {
    std::uint32_t number = 0;  // 0: unknown
    bool has_exited = false;
  };
  // Who has this kernel's id, or had it last. Where all that live are known, anybody else has
  // exited.
  Owner OwnerOf(std::uint32_t thread_id) const;

 private:
  static std::uint32_t FreeNumber(const SegmentSnapshot& snapshot, std::size_t index,
                                  std::set<std::uint32_t>& taken);
  void AddOwner(const ThreadRecord& thread, std::uint32_t number);

  std::vector<std::uint32_t> numbers_;
  std::map<std::uint32_t, Owner> owners_;
  bool is_complete_ = false;
};

}  // namespace limpet
