// The right to be the companion that watches: one for all processes of a key.
//
//   <runtime directory>/watch-<key>.lock     flock'd by the one; its beat is read without waiting
//
// The lock goes with its holder, however that ends. Layout: runtime/setting/watch_key.h.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace limpet {

class WatchSeat {
 public:
  // AlreadyExists: another companion has it. PermissionDenied: the directory is somebody else's.
  static absl::StatusOr<WatchSeat> Take(const std::string& directory, std::uint64_t key);

  WatchSeat(WatchSeat&& other) noexcept;
  WatchSeat& operator=(WatchSeat&& other) = delete;
  ~WatchSeat();  // removes the file

  // Shows that we watch, at `now_ns`. 0: that we are about to leave; whoever comes from then on
  // starts another.
  void Beat(std::uint64_t now_ns) const;

 private:
  WatchSeat(int descriptor, std::string path);

  int descriptor_;
  std::string path_;
};

// The key of this process, as a traced process in its place computes it.
std::uint64_t OwnWatchKey();

}  // namespace limpet
