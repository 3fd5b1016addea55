// How far a sampled total may be from the truth, in numbers and in words.
//
//   +- is the standard error s = sqrt(V).  In 95 of 100 runs the truth lies between
//
//     X + z^2 k/2 - z sqrt(V + z^2 k^2/4)      k = V/X, as if the rest were like what was sampled
//     X + z^2 T/2 + z sqrt(V + z^2 T^2/4)      as if it were small blocks, which hide best
//
// for a total of X bytes, an interval of T, z = 1.96. Of many samples it is X -+ z s; of none, the
// truth is at most 3 T, since more stays unseen with probability e^-3 = 5 % only.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <string>

#include "tools/profile/estimate.h"

namespace limpet {

struct ByteRange {
  double low = 0;
  double high = 0;
};

// Where the truth lies at 95 %.
ByteRange LikelyBytes(const SampledTotal& total, std::uint64_t interval_bytes);

// "± 17 %", "exact"
std::string ErrorWords(double relative_error, std::uint64_t interval_bytes);

// "one sample per 524288 bytes; ..."
std::string RateLine(std::uint64_t interval_bytes, bool has_losses);

// "18.2 MiB ± 17 % (95 %: 13.2 MiB to 25.7 MiB)", "18.2 MiB", "no sample, so at most 1.5 MiB (95
// %)"
std::string BytesWords(const SampledTotal& total, std::uint64_t interval_bytes);

// "36 samples", "1 sample"
std::string Counted(std::uint64_t count, const char* noun);

// "in use: 18.2 MiB ± 17 % (95 %: 13.2 MiB to 25.7 MiB), 14234 objects ± 31 %; 36 samples"
std::string InUseLine(const Estimate& total, std::uint64_t interval_bytes);

// The same of what was allocated. The error of its objects is the least that it can be, and says
// so.
std::string AllocatedLine(const Estimate& total, std::uint64_t interval_bytes);

}  // namespace limpet
