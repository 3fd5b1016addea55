// A small list of threads with one of everything, for the writers' tests.
//
//   1       main, running
//   2, 3    Pop (inlined: wait) <- Work <- main; sync.Cond.Wait, made by main
//   4       Withdraw <- Work; sync.Mutex.Lock, held by 2
//   4711    libz.so.1+0x30; seen from outside
//
// Runs: tests.  Threads: any.  Allocates: yes.
#pragma once

#include "tools/profile/thread_dump.h"

namespace limpet {

inline Profile SampleThreadProfile() {
  Profile profile{
      .name = "goroutine",
      .period_type = {"goroutine", "count"},
      .period = 1,
      .sample_types = {{"goroutine", "count"}},
      .time_unix_ns = 1'795'252'976'000'000'000,
      .comments = {"limpet: goroutine of /bin/app (pid 4242)", "5 threads: 1 running, 4 waiting"}};
  profile.mappings = {{0x401000, 0x409000, 0x1000, "/bin/app", "abcd", true, true, true, true},
                      {0x7f0000, 0x7f9000, 0, "/lib/libz.so.1", "", true, true, true, true}};
  profile.functions = {
      {"std::condition_variable::wait(int)", "_Z4wait", "condition_variable", 10},
      {"(anonymous namespace)::Queue<int>::Pop()", "_Z3Popv", "/src/queue/queue.cc", 40},
      {"void Work<int>(int)", "_Z4Workv", "/src/work.cc", 0},
      {"main", "main", "/src/main.cc", 0},
      {"Account::Withdraw(long) const", "_Z8Withdraw", "/src/account.cc", 0},
      {"libz.so.1+0x30", "libz.so.1+0x30", "", 0},
      {"[stack of a running thread]", "", "", 0},
      {"clone3", "clone3", "", 0}};
  profile.locations = {{0x401134, 0x401100, 0, {{0, 12}, {1, 42}}},
                       {0x4011ff, 0x4011f0, 0, {{2, 7}}},
                       {0x4012ff, 0x401200, 0, {{3, 3}}},
                       {0x401300, 0x4012f0, 0, {{4, 9}}},
                       {0x7f0030, 0, 1, {{5, 0}}},
                       {0, 0, -1, {{6, 0}}},
                       {0x7f0100, 0x7f0100, 1, {{7, 0}}}};
  profile.label_sets = {{{{"reason", "running"}, {"state", "running"}}, {}},
                        {{{"reason", "sync.Cond.Wait"}, {"state", "waiting"}}, {}},
                        {{{"reason", "sync.Mutex.Lock"}, {"state", "waiting"}}, {}},
                        {{{"reason", "semacquire"}, {"state", "waiting"}}, {}}};
  profile.samples = {{{0, 1, 6}, {2}, 1}, {{3, 1, 6}, {1}, 2}, {{4}, {1}, 3}, {{5}, {1}, 0}};
  return profile;
}

inline ThreadDump SampleThreads() {
  constexpr std::uint64_t kMinuteNs = 60'000'000'000;
  ThreadDump dump{.profile = SampleThreadProfile(), .program = "/bin/app", .pid = 4242};
  const ListedThread worker{.name = "worker",
                            .state = "waiting",
                            .reason = "sync.Cond.Wait",
                            .object = 0x5000,
                            .creator_number = 1,
                            .locations = {0, 1, 6},
                            .creation_locations = {2}};
  dump.threads = {
      {.number = 1, .thread_id = 4242, .name = "app", .state = "running", .reason = "running"},
      worker,
      worker,
      worker,
      {.number = 4711,
       .thread_id = 4711,
       .name = "zip",
       .state = "waiting",
       .reason = "semacquire",
       .is_seen_from_outside = true,
       .wait_channel = "futex_do_wait",
       .locations = {4}}};
  dump.threads[1].number = 2;
  dump.threads[1].waited_ns = 12 * kMinuteNs;
  dump.threads[2].number = 3;
  dump.threads[2].waited_ns = 40'000'000'000;
  dump.threads[3].number = 4;
  dump.threads[3].reason = "sync.Mutex.Lock";
  dump.threads[3].remark = "held by 2";
  dump.threads[3].owner_number = 2;
  dump.threads[3].object = 0x6000;
  dump.threads[3].waited_ns = 3 * kMinuteNs;
  dump.threads[3].locations = {3, 1, 6};
  return dump;
}

}  // namespace limpet
