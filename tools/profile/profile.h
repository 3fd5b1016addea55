// A profile in pprof's words, free of any file format.
//
// Runs: companion.  Threads: plain data.  Allocates: yes.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace limpet {

struct ValueType {
  std::string type;
  std::string unit;
};

struct ProfileMapping {
  std::uint64_t start = 0;
  std::uint64_t limit = 0;
  std::uint64_t file_offset = 0;
  std::string file;
  std::string build_id;
  bool has_functions = false;
  bool has_filenames = false;
  bool has_line_numbers = false;
  bool has_inline_frames = false;
};

struct ProfileFunction {
  std::string name;
  std::string system_name;
  std::string file;
  std::int64_t start_line = 0;
};

struct ProfileLine {
  std::uint32_t function = 0;  // index into Profile::functions
  std::int64_t line = 0;

  auto operator<=>(const ProfileLine&) const = default;
};

// Lines are innermost inlined function first; the last is the physical function.
struct ProfileLocation {
  std::uint64_t address = 0;  // of the call instruction: return address less 1
  std::uint64_t entry = 0;    // where the physical function begins in memory, 0: unknown
  std::int32_t mapping = -1;  // index into Profile::mappings, -1: none
  std::vector<ProfileLine> lines;
};

// What is told of a profile and does not stand in the segment.
struct ProfileOrigin {
  std::int64_t time_unix_ns = 0;
  std::uint64_t monotonic_ns = 0;  // CLOCK_MONOTONIC of the process at that time; 0: not known
  bool is_alive = true;            // the process, while the segment was read
  std::string coverage;            // a line for people, empty: unknown
};

// What an estimated value rests on.
struct Evidence {
  std::uint64_t samples = 0;
  double relative_error = 0;  // standard error of the bytes over the bytes
};

// What samples are marked with. Those of one process have the same, so it stands once.
struct LabelSet {
  std::map<std::string, std::string> texts;
  std::map<std::string, std::pair<std::int64_t, std::string>> numbers;  // value, unit
};

// The labels of a profile of several processes.
inline constexpr char kPidLabel[] = "pid";          // a number
inline constexpr char kProcessLabel[] = "process";  // a text: the program's name

struct ProfileSample {
  std::vector<std::uint32_t> locations;  // indexes into Profile::locations, leaf first
  std::vector<std::int64_t> values;      // one for each sample type
  std::int32_t labels = -1;              // index into Profile::label_sets, -1: none
  Evidence allocated = {};
  Evidence in_use = {};
};

struct Profile {
  std::string name;  // "heap", "allocs", "mmap", "goroutine"
  ValueType period_type;
  std::int64_t period = 0;  // 1: each is recorded
  std::vector<ValueType> sample_types;
  std::string default_sample_type;
  std::int64_t time_unix_ns = 0;
  std::int64_t duration_ns = 0;  // 0: a moment, not a span
  std::string drop_frames;       // regular expression
  std::vector<std::string> comments;

  std::vector<ProfileMapping> mappings;  // [0] is the main executable
  std::vector<ProfileFunction> functions;
  std::vector<ProfileLocation> locations;
  std::vector<LabelSet> label_sets;
  std::vector<ProfileSample> samples;
};

}  // namespace limpet
