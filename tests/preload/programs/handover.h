// The block that an allocator hands to another thread while the call that frees it is still under
// way: what every allocator may do, here each time.
//
//   one thread:   free(block) or realloc(block) ----- inside: the block is free ....... it returns
//   another:      IsGivenBack() -> malloc(kHandedBytes), the same block -> SayTaken()
//
// Runs: traced programs of the tests.  Threads: two.  Allocates: no.
#pragma once

#include <stddef.h>

inline constexpr size_t kHandedBytes = 4242;
inline constexpr int kHandedBlocks = 200;

bool IsGivenBack();
void SayTaken();
