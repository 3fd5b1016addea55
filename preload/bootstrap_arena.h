// Memory for allocations that are made while the real allocator is being looked up.
//
// A few kilobytes, handed out once and never taken back. Its addresses are pinned in the free
// filter, so that a free or realloc of one takes the slow path, where it is recognised.
//
// Runs: target startup.  Threads: any.  Allocates: from itself.
#pragma once

#include <cstddef>

namespace limpet::bootstrap_arena {

// Zeroed memory of any alignment up to 16; nullptr when it is used up, as malloc would say.
void* Allocate(std::size_t bytes);
bool Holds(const void* block);
// Bytes from `block` to the end of the arena: an upper bound of its size.
std::size_t BytesBehind(const void* block);

}  // namespace limpet::bootstrap_arena
