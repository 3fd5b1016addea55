#include "runtime/table/module_table.h"

#include <dlfcn.h>
#include <elf.h>
#include <gtest/gtest.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <string>

#include "tests/runtime/table/parallel.h"
#include "tests/runtime/table/test_segment.h"

namespace limpet {
namespace {

using test::kMiB;

constexpr char kExecutable[] = "/opt/program";

// An object as the loader maps it: file header, program headers, build id, and a page of code.
struct alignas(4096) ObjectImage {
  Elf64_Ehdr header = {};
  Elf64_Phdr program[2] = {};
  struct {
    Elf64_Nhdr header = {4, 20, NT_GNU_BUILD_ID};
    char name[4] = {'G', 'N', 'U', 0};
    std::uint8_t build_id[20] = {};
  } note;
  alignas(4096) char code[4096] = {};

  explicit ObjectImage(std::uint8_t build_id = 1) {
    memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_phoff = offsetof(ObjectImage, program);
    header.e_phnum = 2;
    header.e_phentsize = sizeof(Elf64_Phdr);
    program[0] = {PT_LOAD, PF_R | PF_X, 4096 + 16, 4096 + 16, 0, 100, 100, 4096};
    program[1] = {PT_NOTE, PF_R, 0, offsetof(ObjectImage, note), 0, sizeof(note), sizeof(note), 4};
    Rebuild(build_id);
  }
  void Rebuild(std::uint8_t build_id) { memset(note.build_id, build_id, sizeof(note.build_id)); }

  LoadedObject At(const char* path) const {
    auto start = reinterpret_cast<std::uint64_t>(this);
    return {.map_start = start, .map_end = start + sizeof(*this), .load_bias = start, .path = path};
  }
};

struct Register {
  explicit Register(std::uint64_t bytes = kMiB) : segment(test::MakeSegment(bytes)) {
    if (!table.Attach(segment.get(), kExecutable)) abort();
  }

  std::uint16_t IdOf(const ObjectImage& image, const char* path) {
    return table.IdOf(image.At(path));
  }
  const ModuleSlot& Slot(std::uint16_t id) const {
    return segment->Entries<ModuleSlot>(SectionKind::kModules)[id];
  }
  std::string PathOf(std::uint16_t id) const {
    return {segment->Entries<char>(SectionKind::kStrings) + Slot(id).path_offset,
            Slot(id).path_bytes};
  }
  std::uint64_t dropped() const { return segment->counters().dropped_modules_full.load(); }

  std::unique_ptr<SegmentWriter> segment;
  ModuleTable table;
};

TEST(ModuleTable, CountsFromOneSinceZeroIsNoModule) {
  Register modules;
  ObjectImage a, b;
  EXPECT_EQ(modules.IdOf(a, "/a"), 1);
  EXPECT_EQ(modules.IdOf(b, "/b"), 2);
}

TEST(ModuleTable, KeepsTheIdOfAnObject) {
  Register modules;
  ObjectImage a, b;
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(modules.IdOf(a, "/a"), 1);
    EXPECT_EQ(modules.IdOf(b, "/b"), 2);
  }
  EXPECT_EQ(test::Used(*modules.segment, SectionKind::kModules), 3u);
}

TEST(ModuleTable, TellsWhereAnObjectLies) {
  Register modules;
  ObjectImage image(5);
  auto start = reinterpret_cast<std::uint64_t>(&image);
  const ModuleSlot& slot = modules.Slot(modules.IdOf(image, "/lib/a.so"));
  EXPECT_EQ(slot.ready.load(), 1u);
  EXPECT_EQ(slot.map_start, start);
  EXPECT_EQ(slot.map_end, start + sizeof(image));
  EXPECT_EQ(slot.load_bias, start);
  EXPECT_EQ(slot.start, start + 4096);
  EXPECT_EQ(slot.end, start + 8192);
  EXPECT_EQ(slot.file_offset, 4096u);
}

TEST(ModuleTable, StoresPathAndBuildId) {
  Register modules;
  ObjectImage image(5);
  const std::uint16_t id = modules.IdOf(image, "/lib/a.so");
  EXPECT_EQ(modules.PathOf(id), "/lib/a.so");
  EXPECT_EQ(modules.Slot(id).build_id_bytes, 20u);
  EXPECT_EQ(memcmp(modules.Slot(id).build_id, image.note.build_id, 20), 0);
}

TEST(ModuleTable, NamesTheExecutableByItsPath) {
  Register modules;
  ObjectImage a, b;
  EXPECT_EQ(modules.PathOf(modules.IdOf(a, "")), kExecutable);
  EXPECT_EQ(modules.PathOf(modules.IdOf(b, nullptr)), kExecutable);
}

struct Child {
  explicit Child(Register& parent, std::uint64_t bytes = kMiB)
      : file(test::MakeSegmentMemory(bytes)), is_copied(parent.table.CopyTo(file, &copy)) {}

  SegmentFile file;
  ModuleCopy copy;
  bool is_copied;
};

// As in a forked child, whose unwind rules name its parent's modules.
TEST(ModuleTable, GoesOnInACopyWithTheSameIds) {
  Register modules;
  ObjectImage a(1), b(2), c(3);
  modules.IdOf(a, "/a");
  modules.IdOf(b, "/b");
  Child child(modules);
  ASSERT_TRUE(child.is_copied);
  modules.IdOf(c, "/parents");
  ASSERT_TRUE(modules.segment->Map(child.file));
  ASSERT_TRUE(modules.table.AttachCopy(child.copy));
  EXPECT_EQ(modules.PathOf(1), "/a");
  EXPECT_EQ(modules.PathOf(2), "/b");
  EXPECT_EQ(modules.Slot(2).build_id[0], 2);
  EXPECT_EQ(modules.IdOf(b, "/b"), 2);
  EXPECT_EQ(modules.IdOf(c, "/childs"), 3);
  EXPECT_EQ(modules.PathOf(3), "/childs");
}

TEST(ModuleTable, IsNotCopiedIntoAFileOfAnotherSize) {
  Register modules;
  EXPECT_FALSE(Child(modules, 2 * kMiB).is_copied);
}

// It gives its memory back next.
TEST(ModuleTable, IsNotCopiedFromAProcessThatHasEnded) {
  Register modules;
  ObjectImage image;
  modules.IdOf(image, "/a");
  modules.segment->header()->state.store(SegmentState::kExited);
  EXPECT_FALSE(Child(modules).is_copied);
}

TEST(ModuleTable, GivesAnotherObjectAtTheSamePlaceAnotherId) {
  Register modules;
  ObjectImage image(1);
  EXPECT_EQ(modules.IdOf(image, "/a"), 1);
  image.Rebuild(2);
  EXPECT_EQ(modules.IdOf(image, "/a"), 2);
  EXPECT_EQ(modules.Slot(1).build_id[0], 1);
  EXPECT_EQ(modules.IdOf(image, "/b"), 3);
}

TEST(ModuleTable, GivesAnObjectItsIdBackAfterAnotherLayAtItsPlace) {
  Register modules;
  ObjectImage image(1);
  ASSERT_EQ(modules.IdOf(image, "/a"), 1);
  image.Rebuild(2);
  ASSERT_EQ(modules.IdOf(image, "/b"), 2);
  image.Rebuild(1);
  EXPECT_EQ(modules.IdOf(image, "/a"), 1);
}

// Builds without build ids, or a copy of a plugin: only the path differs.
TEST(ModuleTable, GivesAnObjectItsIdBackAfterACopyLayAtItsPlace) {
  Register modules;
  ObjectImage image(1);
  ASSERT_EQ(modules.IdOf(image, "/a"), 1);
  ASSERT_EQ(modules.IdOf(image, "/b"), 2);
  EXPECT_EQ(modules.IdOf(image, "/a"), 1);
  EXPECT_EQ(modules.IdOf(image, "/b"), 2);
}

TEST(ModuleTable, TakesAnObjectWithoutElfHeaderAsItsWholeRange) {
  Register modules;
  ObjectImage image;
  memset(image.header.e_ident, 0, SELFMAG);
  const ModuleSlot& slot = modules.Slot(modules.IdOf(image, "/a"));
  EXPECT_EQ(slot.start, slot.map_start);
  EXPECT_EQ(slot.end, slot.map_end);
  EXPECT_EQ(slot.build_id_bytes, 0u);
}

TEST(ModuleTable, TakesNoBuildIdFromNotesThatLeaveTheObject) {
  Register modules;
  ObjectImage image;
  image.program[1].p_memsz = sizeof(image) + 1;
  EXPECT_EQ(modules.Slot(modules.IdOf(image, "/a")).build_id_bytes, 0u);
  ObjectImage other;
  other.note.header.n_descsz = ~0u;
  EXPECT_EQ(modules.Slot(modules.IdOf(other, "/b")).build_id_bytes, 0u);
  ObjectImage longest;
  longest.note.header.n_descsz = kMaxBuildIdBytes + 4;
  longest.program[1].p_memsz = sizeof(longest.note) + 32;
  EXPECT_EQ(modules.Slot(modules.IdOf(longest, "/c")).build_id_bytes, 0u);
}

TEST(ModuleTable, GivesZeroAndCountsItWhenFull) {
  Register modules;
  ObjectImage image;
  const std::uint64_t room = test::Capacity(*modules.segment, SectionKind::kModules);
  for (std::uint64_t i = 1; i < room; ++i) {
    ASSERT_EQ(modules.IdOf(image, ("/" + std::to_string(i)).c_str()), i);
  }
  EXPECT_EQ(modules.IdOf(image, "/one-too-many"), 0);
  EXPECT_EQ(modules.dropped(), 1u);
}

TEST(ModuleTable, GivesZeroAndCountsItWhenThereIsNoRoomForAPath) {
  Register modules;
  ObjectImage image;
  const std::uint64_t room = test::Capacity(*modules.segment, SectionKind::kStrings);
  EXPECT_EQ(modules.IdOf(image, std::string(room + 1, 'a').c_str()), 0);
  EXPECT_EQ(modules.dropped(), 1u);
  EXPECT_EQ(modules.PathOf(modules.IdOf(image, "/a")), "/a");
}

TEST(ModuleTable, DescribesThisProgramAsReadelfDoes) {
  BindObjectFinder();
  LoadedObject self;
  if (!FindLoadedObject(reinterpret_cast<std::uint64_t>(&BindObjectFinder), &self))
    GTEST_SKIP() << "this C library has no _dl_find_object";
  Register modules;
  const ModuleSlot& slot = modules.Slot(modules.table.IdOf(self));
  std::string build_id;
  for (std::uint32_t i = 0; i < slot.build_id_bytes; ++i) {
    char hex[3];
    snprintf(hex, sizeof(hex), "%02x", slot.build_id[i]);
    build_id += hex;
  }
  std::string notes;
  FILE* readelf = popen(("readelf -n /proc/" + std::to_string(getpid()) + "/exe").c_str(), "r");
  for (int c = fgetc(readelf); c != EOF; c = fgetc(readelf)) notes += static_cast<char>(c);
  ASSERT_EQ(pclose(readelf), 0);
  EXPECT_NE(notes.find("Build ID: " + build_id + "\n"), std::string::npos) << build_id << notes;
  EXPECT_EQ(build_id.size(), 40u);
  const auto here = reinterpret_cast<std::uint64_t>(&BindObjectFinder);
  EXPECT_TRUE(slot.start <= here && here < slot.end);
}

// Two threads may enter an object at once, but each id names it.
TEST(ModuleTable, NamesObjectsRightlyFromSeveralThreads) {
  constexpr std::size_t kObjects = 20;
  Register modules(4 * kMiB);
  auto images = std::make_unique<ObjectImage[]>(kObjects);
  for (std::size_t i = 0; i < kObjects; ++i) images[i].Rebuild(static_cast<std::uint8_t>(i + 1));
  std::atomic<int> wrong = 0;
  test::InParallel(4, [&](int) {
    for (std::size_t i = 0; i < kObjects * 50; ++i) {
      const ObjectImage& image = images[i % kObjects];
      const std::uint16_t id = modules.IdOf(image, "/lib");
      if (id == 0 || modules.Slot(id).build_id[0] != image.note.build_id[0]) ++wrong;
    }
  });
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_LE(test::Used(*modules.segment, SectionKind::kModules), 4 * kObjects + 1);
}

}  // namespace
}  // namespace limpet
