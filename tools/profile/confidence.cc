#include "tools/profile/confidence.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "tools/profile/coverage.h"

namespace limpet {
namespace {

constexpr double kZ = 1.959964;           // 95 % of a normal lie within so many standard errors
constexpr double kUnseenIntervals = 3.0;  // -ln(5 %)

bool IsExact(std::uint64_t interval_bytes) { return interval_bytes == 1; }

// The ends are the roots of (X - truth)^2 = z^2 truth k, whose variance grows with the truth.
double Reach(double variance, double variance_per_byte) {
  const double half = kZ * variance_per_byte / 2;
  return kZ * std::sqrt(variance + half * half);
}

double Shift(double variance_per_byte) { return kZ * kZ * variance_per_byte / 2; }

std::string RoundedBytes(double bytes) {
  constexpr double kMost = 0x1p63;
  return FormatBytes(static_cast<std::uint64_t>(std::clamp(bytes, 0.0, kMost)));
}

std::string Line(const char* name, const SampledTotal& total, std::uint64_t interval_bytes,
                 const char* objects_bound) {
  const std::string bytes = BytesWords(total, interval_bytes);
  const std::string objects = Counted(static_cast<std::uint64_t>(total.Objects()), "object");
  if (IsExact(interval_bytes)) {
    return absl::StrFormat("%s: %s, %s; exact", name, bytes, objects);
  }
  if (total.samples == 0) return absl::StrFormat("%s: %s", name, bytes);
  return absl::StrFormat("%s: %s, %s %s%s; %s", name, bytes, objects,
                         ErrorWords(total.ObjectsError(), interval_bytes), objects_bound,
                         Counted(total.samples, "sample"));
}

}  // namespace

ByteRange LikelyBytes(const SampledTotal& total, std::uint64_t interval_bytes) {
  const auto bytes = static_cast<double>(total.bytes);
  const auto interval = static_cast<double>(interval_bytes);
  if (IsExact(interval_bytes)) return {bytes, bytes};
  if (total.samples == 0) return {0, kUnseenIntervals * interval};
  const double variance = total.bytes_variance;
  const double per_byte = bytes > 0 ? variance / bytes : 0;
  return {std::max(0.0, bytes + Shift(per_byte) - Reach(variance, per_byte)),
          bytes + Shift(interval) + Reach(variance, interval)};
}

std::string RateLine(std::uint64_t interval_bytes, bool has_losses) {
  if (interval_bytes > 1) {
    return absl::StrFormat(
        "one sample per %d bytes; values are estimates of the whole, ± their standard error",
        interval_bytes);
  }
  if (interval_bytes == 0) {
    return "the interval of the samples is not known; values are as recorded";
  }
  return has_losses ? "each one recorded; values are exact but for the losses below"
                    : "each one recorded; values are exact";
}

std::string BytesWords(const SampledTotal& total, std::uint64_t interval_bytes) {
  std::string bytes = FormatBytes(static_cast<std::uint64_t>(total.Bytes()));
  if (IsExact(interval_bytes)) return bytes;
  const ByteRange range = LikelyBytes(total, interval_bytes);
  if (total.samples == 0) {
    return absl::StrFormat("no sample, so at most %s (95 %%)", RoundedBytes(range.high));
  }
  return absl::StrFormat("%s %s (95 %%: %s to %s)", bytes,
                         ErrorWords(total.BytesError(), interval_bytes), RoundedBytes(range.low),
                         RoundedBytes(range.high));
}

std::string ErrorWords(double relative_error, std::uint64_t interval_bytes) {
  const double percent = 100 * relative_error;
  if (IsExact(interval_bytes)) return "exact";
  if (percent < 0.1) return "± under 0.1 %";
  const int digits = percent < 9.95 ? 1 : 0;
  return absl::StrFormat("± %.*f %%", digits, percent);
}

std::string Counted(std::uint64_t count, const char* noun) {
  return absl::StrFormat("%d %s%s", count, noun, count == 1 ? "" : "s");
}

std::string InUseLine(const Estimate& total, std::uint64_t interval_bytes) {
  return Line("in use", total.in_use, interval_bytes, "");
}

std::string AllocatedLine(const Estimate& total, std::uint64_t interval_bytes) {
  return Line("allocated", total.allocated, interval_bytes, " or more");
}

}  // namespace limpet
