#include "runtime/stack/go_object.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace limpet {
namespace {

constexpr std::uint64_t kStart = 0x400000;

// An object of a header, two segments, of which one has the notes, and the notes.
class Image {
 public:
  explicit Image(const std::string& notes, std::uint32_t type_of_notes = PT_NOTE,
                 std::uint64_t missing_bytes = 0) {
    Elf64_Ehdr header = {};
    memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_phoff = sizeof(header);
    header.e_phnum = 2;
    Elf64_Phdr segments[2] = {};
    segments[0].p_type = type_of_notes;
    segments[0].p_vaddr = sizeof(header) + sizeof(segments);
    segments[0].p_memsz = notes.size();
    segments[1].p_type = PT_LOAD;
    segments[1].p_filesz = segments[0].p_vaddr + notes.size() - missing_bytes;
    bytes_.append(reinterpret_cast<const char*>(&header), sizeof(header));
    bytes_.append(reinterpret_cast<const char*>(segments), sizeof(segments));
    bytes_ += notes;
  }

  template <class T>
  bool Read(std::uint64_t address, T* value) const {
    if (address < kStart || address - kStart > bytes_.size()) return false;
    if (bytes_.size() - (address - kStart) < sizeof(T)) return false;
    memcpy(value, &bytes_[address - kStart], sizeof(T));
    return true;
  }

  bool IsGo() const {
    return IsGoObject(
        *this, {.map_start = kStart, .map_end = kStart + bytes_.size(), .load_bias = kStart});
  }
  void Cut(std::size_t bytes) { bytes_.resize(bytes_.size() - bytes); }

 private:
  std::string bytes_;
};

// `name` with its NUL.
std::string Note(const std::string& name, const std::string& description, std::uint32_t type = 4) {
  const Elf64_Nhdr header = {static_cast<std::uint32_t>(name.size()),
                             static_cast<std::uint32_t>(description.size()), type};
  std::string note(reinterpret_cast<const char*>(&header), sizeof(header));
  for (const std::string& part : {name, description}) {
    note += part;
    note.resize((note.size() + 3) / 4 * 4);
  }
  return note;
}

const std::string kGnuNote = Note(std::string("GNU\0", 4), "an id of 20 bytes...", 3);
const std::string kGoNote = Note(std::string("Go\0\0", 4), "abR9VWVZ/xkQ");

TEST(GoObject, IsKnownByItsNoteWhereverThatStands) {
  EXPECT_TRUE(Image(kGoNote).IsGo());
  EXPECT_TRUE(Image(kGnuNote + kGoNote).IsGo());
  EXPECT_FALSE(Image(kGnuNote).IsGo());
  EXPECT_FALSE(Image("").IsGo());
  EXPECT_FALSE(Image(kGoNote, PT_INTERP).IsGo());
  EXPECT_FALSE(Image(kGoNote, PT_NOTE, 1).IsGo()) << "a part of it is not loaded";
}

TEST(GoObject, IsNoneWhereItsNotesAreDamaged) {
  EXPECT_FALSE(Image(std::string(64, '\xff')).IsGo());
  EXPECT_FALSE(Image(std::string(64, '\0')).IsGo());
  Image cut(kGnuNote + kGoNote);
  cut.Cut(kGoNote.size());
  EXPECT_FALSE(cut.IsGo());
  cut.Cut(kGnuNote.size() + 1);
  EXPECT_FALSE(cut.IsGo());
}

}  // namespace
}  // namespace limpet
