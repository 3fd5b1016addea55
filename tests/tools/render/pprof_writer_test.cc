#include "tools/render/pprof_writer.h"

#include <gmock/gmock.h>
#include <google/protobuf/io/gzip_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <gtest/gtest.h>

#include <climits>

#include "profile.pb.h"
#include "tests/support/sample_profile.h"

namespace limpet {
namespace {

using ::testing::ElementsAre;

namespace pprof = perftools::profiles;

pprof::Profile Decode(const std::string& bytes) {
  google::protobuf::io::ArrayInputStream input(bytes.data(), static_cast<int>(bytes.size()));
  google::protobuf::io::GzipInputStream gzip(&input, google::protobuf::io::GzipInputStream::GZIP);
  pprof::Profile message;
  EXPECT_TRUE(message.ParseFromZeroCopyStream(&gzip));
  return message;
}

pprof::Profile RoundTrip(const Profile& profile) { return Decode(WritePprof(profile).value()); }

std::string Text(const pprof::Profile& message, std::int64_t index) {
  return message.string_table(static_cast<int>(index));
}

TEST(PprofWriter, WritesGzip) {
  const std::string bytes = WritePprof(SampleProfile()).value();
  EXPECT_EQ(bytes.substr(0, 3), "\x1f\x8b\x08");
}

TEST(PprofWriter, KeepsTheHeader) {
  const pprof::Profile message = RoundTrip(SampleProfile());
  EXPECT_EQ(message.string_table(0), "");
  ASSERT_EQ(message.sample_type_size(), 4);
  EXPECT_EQ(Text(message, message.sample_type(3).type()), "inuse_space");
  EXPECT_EQ(Text(message, message.sample_type(3).unit()), "bytes");
  EXPECT_EQ(Text(message, message.period_type().type()), "space");
  EXPECT_EQ(message.period(), 524288);
  EXPECT_EQ(message.time_nanos(), 1'795'252'976'000'000'000);
  EXPECT_EQ(message.duration_nanos(), 0);
  EXPECT_EQ(Text(message, message.default_sample_type()), "inuse_space");
  EXPECT_EQ(Text(message, message.drop_frames()), "malloc|operator new");
  EXPECT_EQ(Text(message, message.comment(0)), "limpet: heap of /bin/app (pid 4242)");
}

TEST(PprofWriter, NumbersEverythingFromOne) {
  const pprof::Profile message = RoundTrip(SampleProfile());
  EXPECT_EQ(message.mapping(0).id(), 1U);
  EXPECT_EQ(Text(message, message.mapping(0).filename()), "/bin/app");
  EXPECT_EQ(Text(message, message.mapping(0).build_id()), "abcd");
  EXPECT_TRUE(message.mapping(1).has_inline_frames());
  EXPECT_THAT(message.sample(0).location_id(), ElementsAre(1U, 2U, 3U));
  EXPECT_THAT(message.sample(0).value(), ElementsAre(4, 4096, 2, 2048));
  const pprof::Location& leaf = message.location(0);
  EXPECT_EQ(leaf.mapping_id(), 1U);
  EXPECT_EQ(leaf.address(), 0x401134U);
  ASSERT_EQ(leaf.line_size(), 2);
  EXPECT_EQ(leaf.line(0).line(), 12);
  const pprof::Function& outer = message.function(static_cast<int>(leaf.line(1).function_id()) - 1);
  EXPECT_EQ(Text(message, outer.name()), "grow()");
  EXPECT_EQ(Text(message, outer.system_name()), "_Z4growv");
  EXPECT_EQ(Text(message, outer.filename()), "cache.cc");
  EXPECT_EQ(outer.start_line(), 40);
}

TEST(PprofWriter, LeavesOutTheMappingOfALocationInNone) {
  Profile profile = SampleProfile();
  profile.locations[3].mapping = -1;
  EXPECT_EQ(RoundTrip(profile).location(3).mapping_id(), 0U);
}

TEST(PprofWriter, WritesLabels) {
  Profile profile = SampleProfile();
  profile.label_sets = {{}, {{{"state", "parked"}}, {{"bytes", {64, "bytes"}}}}};
  profile.samples[0].labels = 1;
  const pprof::Profile message = RoundTrip(profile);
  ASSERT_EQ(message.sample(0).label_size(), 2);
  EXPECT_EQ(Text(message, message.sample(0).label(0).str()), "parked");
  EXPECT_EQ(message.sample(0).label(1).num(), 64);
  EXPECT_EQ(Text(message, message.sample(0).label(1).num_unit()), "bytes");
  EXPECT_EQ(message.sample(1).label_size(), 0);
}

TEST(PprofWriter, TurnsForeignBytesIntoUtf8) {
  Profile profile = SampleProfile();
  profile.functions[3].name = "bad\xFF\xC0\x80name \xC3\xA9";
  const pprof::Profile message = RoundTrip(profile);
  EXPECT_EQ(Text(message, message.function(3).name()),
            "bad\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDname \xC3\xA9");
}

TEST(PprofWriter, WritesTheSameBytesForTheSameProfile) {
  EXPECT_EQ(WritePprof(SampleProfile()).value(), WritePprof(SampleProfile()).value());
}

}  // namespace
}  // namespace limpet
