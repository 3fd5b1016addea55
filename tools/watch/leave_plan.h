// When a companion that watches may go. Pure: no clock, no process.
//
//   busy ... idle --linger--> may leave        nobody is left, and nobody came for a while
//   busy ... asked to leave --> idle           at once
//                           '--patience-->     may leave anyway
//
// Runs: companion.  Threads: one.  Allocates: never.
#pragma once

#include <cstdint>

namespace limpet {

class LeavePlan {
 public:
  explicit LeavePlan(std::uint64_t now_ns) : idle_since_ns_(now_ns) {}

  void NoteBusy(std::uint64_t now_ns) { idle_since_ns_ = now_ns; }
  // Whoever asks again does not put it off.
  void NoteAsked(std::uint64_t now_ns) {
    if (asked_ns_ == 0) asked_ns_ = now_ns;
  }

  // Of one that is idle.
  bool MayLeave(std::uint64_t now_ns) const {
    return now_ns >= idle_since_ns_ + (asked_ns_ != 0 ? 0 : kLingerNs);
  }
  // Whether it is idle or not.
  bool MustLeave(std::uint64_t now_ns) const {
    return asked_ns_ != 0 && now_ns >= asked_ns_ + kClosingNs;
  }

 private:
  // Programs of a script come one after the other: one companion for them, not one for each.
  static constexpr std::uint64_t kLingerNs = 1'000'000'000;
  // After SIGTERM: a service that is stopped ends within this, or is killed and found dead later.
  static constexpr std::uint64_t kClosingNs = 10'000'000'000;

  std::uint64_t idle_since_ns_;
  std::uint64_t asked_ns_ = 0;  // since when it is asked to leave, 0: it is not
};

}  // namespace limpet
