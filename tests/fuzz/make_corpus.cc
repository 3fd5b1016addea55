// Writes the seeds of a fuzzer, so that they follow the treaty and the settings when they change:
//
//   make_corpus FOLDER FUZZER

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "runtime/setting/setting_table.h"
#include "tests/support/segment_builder.h"

namespace limpet {
namespace {

SegmentBuilder Full() {
  SegmentBuilder builder;
  const std::uint32_t app = builder.AddModule(
      {.path = "/bin/app", .start = 0x401000, .end = 0x402000, .load_bias = 0x400000});
  const std::uint32_t stack = builder.AddStack({{0x401234, app}, {0x401500, app}});
  const std::uint32_t cut = builder.AddStack({{0x401300, app}, {0x7000}}, /*is_truncated=*/true);
  builder.AddSite(stack, {.objects = 3, .bytes = 300});
  builder.AddSite(cut, {.kind = SiteKind::kMapping, .objects = 1, .bytes = 4096});
  builder.AddAllocation(stack, {.requested_bytes = 100, .weight = 1.5});
  builder.AddAllocation(stack, {.requested_bytes = 50, .generation = 3});
  builder.AddAllocation(cut, {.requested_bytes = 4096, .is_mapping = true});
  builder.AddThread({.thread_id = 4242, .name = "app", .number = 1});
  builder.AddThread({.thread_id = 4243,
                     .state = ThreadState::kParked,
                     .number = 2,
                     .creator_number = 1,
                     .creation_stack = stack,
                     .reason = WaitReason::kMutex,
                     .object = 0x5000,
                     .owner_thread_id = 4242,
                     .stack = cut});
  return builder;
}

void WriteSegments(const std::string& folder) {
  SegmentBuilder().WriteTo(folder + "/empty");
  Full().WriteTo(folder + "/full");
  SegmentBuilder newer = Full();
  newer.GrowEntries(8);
  newer.AddUnknownSection();
  newer.WriteTo(folder + "/newer");
  SegmentBuilder circle = Full();
  circle.AddSite(circle.AddNode(0x1, circle.AddNode(0x2, 7)), {});
  circle.WriteTo(folder + "/circle");
}

void WriteExecutables(const std::string& folder) {
  for (const char* program : {LIMPET_TEST_DWARF4_PROGRAM, LIMPET_TEST_DWARF5_PROGRAM}) {
    std::filesystem::copy_file(program,
                               folder + "/" + std::filesystem::path(program).filename().string());
  }
}

// A variable each with its default, by NUL.
void WriteSettings(const std::string& folder) {
  std::ofstream all(folder + "/defaults", std::ios::binary);
  for (const Setting& setting : kSettings) {
    all << setting.name << '=' << setting.default_value << '\0';
    std::ofstream(folder + "/" + setting.name) << setting.name << '=' << setting.default_value;
  }
  std::ofstream(folder + "/occasions")
      << "LIMPET_DUMP_ON=growth:1MiB,highwater:10%,cgroup:90%,exit";
}

// What our own /proc says; the first byte is the number of the file in proc_text_fuzzer.cc.
void WriteProcTexts(const std::string& folder) {
  const char* const kFiles[] = {"stat", "status", "maps", "environ", "cgroup", "mountinfo"};
  for (std::size_t number = 0; number < std::size(kFiles); ++number) {
    std::ifstream from(std::string("/proc/self/") + kFiles[number], std::ios::binary);
    std::ofstream to(folder + "/" + kFiles[number], std::ios::binary);
    to << static_cast<char>(number) << from.rdbuf();
  }
}

const std::map<std::string, void (*)(const std::string&)> kFuzzers = {
    {"segment_reader_fuzzer", WriteSegments},
    {"elf_image_fuzzer", WriteExecutables},
    {"settings_fuzzer", WriteSettings},
    {"proc_text_fuzzer", WriteProcTexts},
};

}  // namespace
}  // namespace limpet

int main(int count, char** arguments) {
  if (count != 3 || !limpet::kFuzzers.contains(arguments[2])) return 2;
  limpet::kFuzzers.at(arguments[2])(arguments[1]);
  return 0;
}
