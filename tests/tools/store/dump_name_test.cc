#include "tools/store/dump_name.h"

#include <gtest/gtest.h>

namespace limpet {
namespace {

TEST(DumpName, IsTakenApartAndPutTogether) {
  for (const char* file :
       {"20261121T092356Z.000042.heap.pb.gz", "20261121T092356Z.000042.allocs.txt",
        "20261121T092356Z.1000000.heap.collapsed", "20261121T092356Z.000042.segment"}) {
    const std::optional<DumpName> name = ParseDumpName(file);
    ASSERT_TRUE(name.has_value()) << file;
    EXPECT_EQ(FormatDumpName(*name), file);
  }
  const DumpName name = *ParseDumpName("20261121T092356Z.000042.heap.pb.gz");
  EXPECT_EQ(name.time, "20261121T092356Z");
  EXPECT_EQ(name.number, 42U);
  EXPECT_EQ(name.profile, "heap");
  EXPECT_EQ(name.extension, ".pb.gz");
  EXPECT_EQ(ParseDumpName("20261121T092356Z.000042.segment")->profile, "segment");
}

TEST(DumpName, IsNotWhatSomebodyElseNames) {
  for (const char* file : {"",
                           "meta.json",
                           "heap.pb.gz",
                           "latest.heap.pb.gz",
                           "20261121T092356Z",
                           "20261121T092356Z.",
                           "20261121T092356Z.42.heap.pb.gz",
                           "20261121T092356Z.00004x.heap.pb.gz",
                           "20261121T092356Z.000042",
                           "20261121T092356Z.000042.",
                           "20261121T092356Z.000042..pb.gz",
                           "20261121T092356Z.000042.heap",
                           "20261121T092356Z.000042.heap.gz",
                           "20261121T092356Z.000042.a/b.pb.gz",
                           "20261121T092356Z.000042.Heap.pb.gz",
                           "20261121T092356Z.000042.my.segment",
                           "20261121T092356X.000042.heap.pb.gz",
                           "2026112xT092356Z.000042.heap.pb.gz",
                           "20261121T092356Z.+00042.heap.pb.gz",
                           "20261121T092356Z.00000000000000000042.heap.pb.gz"}) {
    EXPECT_FALSE(ParseDumpName(file).has_value()) << file;
  }
}

TEST(FolderName, HasAProcess) {
  const std::optional<FolderName> name = ParseFolderName("my.server-2.4242-987654");
  ASSERT_TRUE(name.has_value());
  EXPECT_EQ(name->pid, 4242U);
  EXPECT_EQ(name->start_ticks, 987654U);
  for (const char* folder : {"", "photos", "photos.2020", "a.1-", "a.-1", ".1-2", "a.1-2x", "a-1.2",
                             "a.99999999999-1", "a.1-2-3"}) {
    EXPECT_FALSE(ParseFolderName(folder).has_value()) << folder;
  }
}

TEST(DumpName, HasATimeForPeople) {
  EXPECT_EQ(IsoTime("20261121T092356Z"), "2026-11-21T09:23:56Z");
  EXPECT_EQ(IsoTime("yesterday"), "");
}

}  // namespace
}  // namespace limpet
