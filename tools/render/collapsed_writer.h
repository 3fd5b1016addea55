// A profile as collapsed stacks, the input of flamegraph.pl, inferno and speedscope:
//
//   main;serve;grow 2048          root first, then the value that the profile shows first
//   nginx;main;serve;grow 2048    in a profile of several processes, those of one program together
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <string>

#include "tools/profile/profile.h"

namespace limpet {

std::string WriteCollapsed(const Profile& profile);

}  // namespace limpet
