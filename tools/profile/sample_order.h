// The order of samples in a profile: largest first, equal ones by address, so that the same
// segments always make the same file.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstddef>

#include "tools/profile/profile.h"

namespace limpet {

// The values of a heap profile's samples.
enum ValueIndex : std::size_t { kAllocObjects, kAllocSpace, kInUseObjects, kInUseSpace };

// True when `one` counts more, or, of waits, took longer than `other`; of a heap profile, holds
// more, or as much and allocated more.
bool IsLarger(const ProfileSample& one, const ProfileSample& other);

void SortSamples(Profile& profile);

}  // namespace limpet
