#include "tools/store/meta_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/temporary_directory.h"
#include "tests/tools/store/test_folder.h"

namespace limpet {
namespace {

class MetaFile : public ::testing::Test {
 protected:
  void Put(const std::string& text) const { std::ofstream(Path()) << text; }
  std::string Path() const { return directory_.File(kMetaName); }

  TemporaryDirectory directory_;
};

ProcessRecord Example() {
  return {.executable =
              "/bin/b\xFF"
              "d",
          .build_id = "abcd",
          .program = "bad",
          .command_line = {"bad", "--x=\xFE"},
          .pid = 7,
          .started = "2026-11-21T09:23:56Z",
          .state = kStateRunning,
          .end = "killed by SIGKILL",
          .losses = {{"torn_slots", 3}},
          .removed_dumps = 2,
          .dumps = {{.number = 5,
                     .time = "20261121T092356Z",
                     .reason = "interval",
                     .files = {{.name = "20261121T092356Z.000005.heap.pb.gz"}},
                     .in_use_bytes = 100}}};
}

TEST_F(MetaFile, IsReadByPrograms) {
  ASSERT_TRUE(WriteMeta(Opened(directory_.path()), Example()).ok());
  std::ifstream file(Path());
  const nlohmann::json json = nlohmann::json::parse(file);
  EXPECT_EQ(json["version"], 1);
  EXPECT_EQ(json["executable"],
            "/bin/b\xEF\xBF\xBD"
            "d");
  EXPECT_EQ(json["losses"]["torn_slots"], 3);
  EXPECT_EQ(json["dumps"][0]["time"], "2026-11-21T09:23:56Z");
  EXPECT_EQ(json["dumps"][0]["profiles"][0], "20261121T092356Z.000005.heap.pb.gz");
  EXPECT_EQ(json["dumps"][0]["in_use_bytes"], 100);
  EXPECT_FALSE(json["dumps"][0].contains("allocated_bytes"));
  EXPECT_FALSE(json.contains("note"));
}

TEST_F(MetaFile, IsReadBack) {
  ASSERT_TRUE(WriteMeta(Opened(directory_.path()), Example()).ok());
  const std::optional<ProcessRecord> record = ReadMeta(Opened(directory_.path()));
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->pid, 7U);
  EXPECT_EQ(record->removed_dumps, 2U);
  EXPECT_EQ(record->state, kStateRunning);
  EXPECT_EQ(record->end, "killed by SIGKILL");
  EXPECT_EQ(record->losses.at("torn_slots"), 3U);
  ASSERT_EQ(record->dumps.size(), 1U);
  EXPECT_TRUE(record->dumps[0].IsSameDump(Example().dumps[0]));
  EXPECT_EQ(record->dumps[0].reason, "interval");
  EXPECT_EQ(record->dumps[0].in_use_bytes, 100);
}

TEST_F(MetaFile, IsNotTrustedWhenItIsNoneOrDamaged) {
  EXPECT_FALSE(ReadMeta(Opened(directory_.path())).has_value());
  for (const char* text : {"", "{", "[]", "7", "{}", R"({"version": 2})", R"({"version": "1"})",
                           R"({"version": 1.0})", "\xFF\xFE"}) {
    Put(text);
    EXPECT_FALSE(ReadMeta(Opened(directory_.path())).has_value()) << text;
  }
}

TEST_F(MetaFile, IsNotTrustedWhenItIsALink) {
  const TemporaryDirectory elsewhere;
  ASSERT_TRUE(WriteMeta(Opened(elsewhere.path()), Example()).ok());
  std::filesystem::create_symlink(elsewhere.File(kMetaName), Path());
  EXPECT_FALSE(ReadMeta(Opened(directory_.path())).has_value());
}

TEST_F(MetaFile, GivesNothingForWrongTypes) {
  Put(R"({"version": 1, "build_id": 7, "state": "flying", "removed_dumps": -3, "losses": [1],
          "command_line": {"a": 1}, "dumps": [7, "x", null, [], {"number": "1", "time": 2},
          {"number": 9, "time": "2026-11-21T09:23:56Z", "reason": {}, "in_use_bytes": 1e99}]})");
  const std::optional<ProcessRecord> record = ReadMeta(Opened(directory_.path()));
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->state, "");
  EXPECT_EQ(record->removed_dumps, 0U);
  ASSERT_EQ(record->dumps.size(), 6U);
  EXPECT_EQ(record->dumps[5].number, 9U);
  EXPECT_EQ(record->dumps[5].reason, kReasonUnknown) << "nobody is known to have asked";
  EXPECT_FALSE(record->dumps[5].in_use_bytes.has_value());
}

TEST_F(MetaFile, DoesNotFallIntoADeepOne) {
  Put(R"({"version": 1, "dumps": )" + std::string(1 << 20, '['));
  EXPECT_FALSE(ReadMeta(Opened(directory_.path())).has_value());
  Put(R"({"version": 1, "dumps": )" + std::string(1 << 20, '[') + std::string(1 << 20, ']') + "}");
  const std::optional<ProcessRecord> record = ReadMeta(Opened(directory_.path()));
  EXPECT_TRUE(!record.has_value() || record->dumps.size() <= 1);
}

TEST_F(MetaFile, IsNotReadWhenItIsHuge) {
  Put(R"({"version": 1, "x": ")" + std::string(std::size_t{40} << 20, 'x') + "\"}");
  EXPECT_FALSE(ReadMeta(Opened(directory_.path())).has_value());
}

}  // namespace
}  // namespace limpet
