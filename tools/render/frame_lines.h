// The frames of a stack in Go's text forms.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/profile/profile.h"

namespace limpet {

// Of debug=1, comments to pprof, to be aligned: "#\t0x401135\tgrow+0x15\t/src/cache.cc:42\n".
// `locations` leaf first; each gives a line for every function that is there.
std::string FrameComments(const Profile& profile, const std::vector<std::uint32_t>& locations);

}  // namespace limpet
