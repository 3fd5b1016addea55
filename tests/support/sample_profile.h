// A small heap profile with one of everything, for the writers' tests.
//
//   alloc 4 / 4096, in use 2 / 2048:  grow (inlined: push) <- serve <- main
//   alloc 1 / 1024, in use 1 / 1024:  libz.so.1+0x30
//
// Runs: tests.  Threads: any.  Allocates: yes.
#pragma once

#include "tools/profile/profile.h"

namespace limpet {

inline Profile SampleProfile() {
  Profile profile{.name = "heap",
                  .period_type = {"space", "bytes"},
                  .period = 524288,
                  .sample_types = {{"alloc_objects", "count"},
                                   {"alloc_space", "bytes"},
                                   {"inuse_objects", "count"},
                                   {"inuse_space", "bytes"}},
                  .default_sample_type = "inuse_space",
                  .time_unix_ns = 1'795'252'976'000'000'000,
                  .drop_frames = "malloc|operator new",
                  .comments = {"limpet: heap of /bin/app (pid 4242)"}};
  profile.mappings = {{0x401000, 0x409000, 0x1000, "/bin/app", "abcd", true, true, true, true},
                      {0x7f0000, 0x7f9000, 0, "/lib/libz.so.1", "", true, true, true, true}};
  profile.functions = {{"push(int)", "_Z4pushi", "vector.h", 10},
                       {"grow()", "_Z4growv", "cache.cc", 40},
                       {"serve()", "_Z5servev", "server.cc", 0},
                       {"main", "main", "server.cc", 0},
                       {"libz.so.1+0x30", "libz.so.1+0x30", "", 0}};
  profile.locations = {{0x401134, 0x401100, 0, {{0, 12}, {1, 42}}},
                       {0x4011ff, 0x4011f0, 0, {{2, 7}}},
                       {0x4012ff, 0x401200, 0, {{3, 3}}},
                       {0x7f0030, 0, 1, {{4, 0}}}};
  profile.samples = {{{0, 1, 2}, {4, 4096, 2, 2048}}, {{3}, {1, 1024, 1, 1024}}};
  profile.samples[0].allocated = {.samples = 4, .relative_error = 0.4996};
  profile.samples[0].in_use = {.samples = 2, .relative_error = 0.07};
  profile.samples[1].allocated = {.samples = 1, .relative_error = 0.9990};
  return profile;
}

// The same stacks, as waits of 12 and of one.
inline Profile SampleWaits() {
  Profile profile = SampleProfile();
  profile.name = "block";
  profile.period_type = {"contentions", "count"};
  profile.period = 1;
  profile.sample_types = {{"contentions", "count"}, {"delay", "nanoseconds"}};
  profile.default_sample_type = "";
  profile.drop_frames = "";
  profile.label_sets = {{{{"reason", "sync.Mutex.Lock"}}, {}}};
  profile.samples[0].values = {12, 3'000'000};
  profile.samples[0].labels = 0;
  profile.samples[1].values = {1, 1'000'000};
  return profile;
}

}  // namespace limpet
