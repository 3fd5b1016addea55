#include "tools/render/pprof_writer.h"

#include <google/protobuf/io/gzip_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/strings/str_format.h"
#include "profile.pb.h"
#include "tools/render/printable_text.h"

namespace limpet {
namespace {

namespace pprof = perftools::profiles;

constexpr std::size_t kTextsOfPart = 1024;
constexpr std::int64_t kMaxMessageBytes = std::numeric_limits<std::int32_t>::max();

// Strings of a message, each once; the first is the empty one.
class StringTable {
 public:
  StringTable() { Add(""); }

  // `text` must outlive the table.
  std::int64_t Add(std::string_view text) {
    auto [place, is_new] = indexes_.try_emplace(text, texts_.size());
    if (is_new) texts_.push_back(text);
    return place->second;
  }

  const std::vector<std::string_view>& texts() const { return texts_; }

 private:
  std::vector<std::string_view> texts_;
  std::unordered_map<std::string_view, std::int64_t> indexes_;
};

void AddHeader(const Profile& profile, StringTable& strings, pprof::Profile& message) {
  for (const ValueType& value : profile.sample_types) {
    pprof::ValueType* const type = message.add_sample_type();
    type->set_type(strings.Add(value.type));
    type->set_unit(strings.Add(value.unit));
  }
  message.mutable_period_type()->set_type(strings.Add(profile.period_type.type));
  message.mutable_period_type()->set_unit(strings.Add(profile.period_type.unit));
  message.set_period(profile.period);
  message.set_time_nanos(profile.time_unix_ns);
  message.set_duration_nanos(profile.duration_ns);
  message.set_default_sample_type(strings.Add(profile.default_sample_type));
  message.set_drop_frames(strings.Add(profile.drop_frames));
  for (const std::string& comment : profile.comments) message.add_comment(strings.Add(comment));
}

void AddMappings(const Profile& profile, StringTable& strings, pprof::Profile& message) {
  for (const ProfileMapping& mapping : profile.mappings) {
    pprof::Mapping* const added = message.add_mapping();
    added->set_id(static_cast<std::uint64_t>(message.mapping_size()));
    added->set_memory_start(mapping.start);
    added->set_memory_limit(mapping.limit);
    added->set_file_offset(mapping.file_offset);
    added->set_filename(strings.Add(mapping.file));
    added->set_build_id(strings.Add(mapping.build_id));
    added->set_has_functions(mapping.has_functions);
    added->set_has_filenames(mapping.has_filenames);
    added->set_has_line_numbers(mapping.has_line_numbers);
    added->set_has_inline_frames(mapping.has_inline_frames);
  }
}

void AddFunctions(const Profile& profile, StringTable& strings, pprof::Profile& message) {
  for (const ProfileFunction& function : profile.functions) {
    pprof::Function* const added = message.add_function();
    added->set_id(static_cast<std::uint64_t>(message.function_size()));
    added->set_name(strings.Add(function.name));
    added->set_system_name(strings.Add(function.system_name));
    added->set_filename(strings.Add(function.file));
    added->set_start_line(function.start_line);
  }
}

void AddLocations(const Profile& profile, pprof::Profile& message) {
  for (const ProfileLocation& location : profile.locations) {
    pprof::Location* const added = message.add_location();
    added->set_id(static_cast<std::uint64_t>(message.location_size()));
    added->set_mapping_id(static_cast<std::uint64_t>(std::int64_t{location.mapping} + 1));
    added->set_address(location.address);
    for (const ProfileLine& line : location.lines) {
      pprof::Line* const added_line = added->add_line();
      added_line->set_function_id(std::uint64_t{line.function} + 1);
      added_line->set_line(line.line);
    }
  }
}

void AddLabels(const LabelSet& labels, StringTable& strings, pprof::Sample& sample) {
  for (const auto& [key, text] : labels.texts) {
    pprof::Label* const label = sample.add_label();
    label->set_key(strings.Add(key));
    label->set_str(strings.Add(text));
  }
  for (const auto& [key, number] : labels.numbers) {
    pprof::Label* const label = sample.add_label();
    label->set_key(strings.Add(key));
    label->set_num(number.first);
    label->set_num_unit(strings.Add(number.second));
  }
}

void AddSamples(const Profile& profile, StringTable& strings, pprof::Profile& message) {
  for (const ProfileSample& sample : profile.samples) {
    pprof::Sample* const added = message.add_sample();
    for (std::uint32_t location : sample.locations) {
      added->add_location_id(std::uint64_t{location} + 1);
    }
    for (std::int64_t value : sample.values) added->add_value(value);
    if (sample.labels < 0) continue;
    AddLabels(profile.label_sets[static_cast<std::size_t>(sample.labels)], strings, *added);
  }
}

// The names of a C++ program are most of its profile. Messages that follow each other are one to
// protobuf, so they are written some at a time and never stand in memory a second time.
bool WriteTexts(const StringTable& strings, google::protobuf::io::ZeroCopyOutputStream& output) {
  pprof::Profile part;
  for (std::string_view text : strings.texts()) {
    part.add_string_table(ValidUtf8(std::string(text)));
    if (static_cast<std::size_t>(part.string_table_size()) < kTextsOfPart) continue;
    if (!part.SerializeToZeroCopyStream(&output)) return false;
    part.Clear();
  }
  return part.SerializeToZeroCopyStream(&output);
}

absl::StatusOr<std::string> Compress(const pprof::Profile& message, const StringTable& strings) {
  std::string bytes;
  bool is_written = false;
  std::int64_t written_bytes = 0;
  {
    google::protobuf::io::StringOutputStream output(&bytes);
    google::protobuf::io::GzipOutputStream gzip(&output);
    is_written = message.SerializeToZeroCopyStream(&gzip) && WriteTexts(strings, gzip);
    written_bytes = gzip.ByteCount();
    is_written = gzip.Close() && is_written;
  }
  if (!is_written || written_bytes > kMaxMessageBytes) {
    return absl::ResourceExhaustedError(absl::StrFormat(
        "a profile of %d bytes cannot be written: protobuf's limit is 2 GiB",
        std::max(written_bytes, static_cast<std::int64_t>(message.ByteSizeLong()))));
  }
  return bytes;
}

}  // namespace

absl::StatusOr<std::string> WritePprof(const Profile& profile) {
  pprof::Profile message;
  StringTable strings;
  AddHeader(profile, strings, message);
  AddMappings(profile, strings, message);
  AddFunctions(profile, strings, message);
  AddLocations(profile, message);
  AddSamples(profile, strings, message);
  return Compress(message, strings);
}

}  // namespace limpet
