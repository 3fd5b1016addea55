// The samples of one stack taken together, whichever process they are of.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <vector>

#include "tools/profile/profile.h"

namespace limpet {

struct StackGroup {
  ProfileSample total;                      // values added up, with the error of the sum; no labels
  std::vector<const ProfileSample*> parts;  // largest first; point into the profile
};

// Largest first. Of a profile whose stacks all differ, each sample by itself, in its order.
std::vector<StackGroup> GroupStacks(const Profile& profile);

}  // namespace limpet
