#include "tools/symbol/line_files.h"

#include <dwarf.h>

#include <algorithm>
#include <limits>
#include <span>

#include "tools/symbol/elf_image.h"

namespace limpet {
namespace {

constexpr std::size_t kMaxTextBytes = 4096;  // as of a path

// Empty: too long as well. A forged table may refer to one endless text a million times.
std::string_view TextAt(std::span<const std::uint8_t> section, std::uint64_t offset) {
  if (offset >= section.size()) return {};
  const std::span<const std::uint8_t> rest = section.subspan(static_cast<std::size_t>(offset));
  ByteReader reader(rest.first(std::min(rest.size(), kMaxTextBytes)));
  std::string_view text;
  return reader.ReadString(text) ? text : std::string_view();
}

std::string Join(std::string_view directory, std::string_view name) {
  if (name.starts_with('/') || directory.empty()) return std::string(name);
  std::string path(directory);
  return path.append("/").append(name);
}

std::uint32_t Narrow(std::uint64_t number) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(number, std::numeric_limits<std::uint32_t>::max()));
}

struct Column {
  std::uint64_t content;
  std::uint64_t form;
};

// One value: a text or a number, whichever its form says.
struct Value {
  std::string_view text;
  std::uint64_t number = 0;
};

}  // namespace

struct LineFiles::Sections {
  bool ReadRow(const std::vector<Column>& columns, const LineFormat& format, ByteReader& reader,
               File& file) const {
    for (const Column& column : columns) {
      Value value;
      if (!Read(column.form, format.offset_bytes, reader, value)) return false;
      if (column.content == DW_LNCT_path) file.name = value.text;
      if (column.content == DW_LNCT_directory_index) file.directory = Narrow(value.number);
    }
    return true;
  }

  std::span<const std::uint8_t> strings;
  std::span<const std::uint8_t> line_strings;

  bool Read(std::uint64_t form, std::size_t offset_bytes, ByteReader& reader, Value& value) const {
    ByteReader skipped({});
    switch (form) {
      case DW_FORM_string:
        return reader.ReadString(value.text);
      case DW_FORM_line_strp:
      case DW_FORM_strp:
        if (!reader.ReadNumber(offset_bytes, value.number)) return false;
        value.text = TextAt(form == DW_FORM_strp ? strings : line_strings, value.number);
        return true;
      case DW_FORM_udata:
        return reader.ReadLeb(value.number);
      case DW_FORM_data1:
        return reader.ReadNumber(1, value.number);
      case DW_FORM_data2:
        return reader.ReadNumber(2, value.number);
      case DW_FORM_data4:
        return reader.ReadNumber(4, value.number);
      case DW_FORM_data8:
        return reader.ReadNumber(8, value.number);
      case DW_FORM_data16:
        return reader.Skip(16);
      case DW_FORM_block:
        return reader.ReadLeb(value.number) && reader.ReadPart(value.number, skipped);
      // Names that lie elsewhere: unknown, but the rows after them are not.
      case DW_FORM_strx:
        return reader.ReadLeb(value.number);
      case DW_FORM_strx1:
        return reader.Skip(1);
      case DW_FORM_strx2:
        return reader.Skip(2);
      case DW_FORM_strx3:
        return reader.Skip(3);
      case DW_FORM_strx4:
        return reader.Skip(4);
      case DW_FORM_strp_sup:
      case DW_FORM_GNU_strp_alt:
        return reader.Skip(offset_bytes);
      default:
        return false;
    }
  }
};

bool LineFiles::Read(Elf* elf, const LineFormat& format, ByteReader& header) {
  if (format.version < 5) return ReadOld(header);
  const Sections sections = {DebugSection(elf, ".debug_str"), DebugSection(elf, ".debug_line_str")};
  return ReadTable(sections, format, header, directories_) &&
         ReadTable(sections, format, header, files_);
}

// Before DWARF 5 both lists begin at 1: directory 0 is the unit's, file 0 is none.
bool LineFiles::ReadOld(ByteReader& header) {
  directories_.push_back({"", 0});
  std::string_view text;
  for (;;) {
    if (!header.ReadString(text)) return false;
    if (text.empty()) break;
    directories_.push_back({text, 0});
  }
  files_.push_back({"", 0});
  std::uint8_t next = 0;
  for (;;) {
    ByteReader ahead = header;
    if (!ahead.ReadByte(next)) return false;
    if (next == 0) return header.Skip(1);
    if (!ReadEntry(header)) return false;
  }
}

bool LineFiles::ReadEntry(ByteReader& reader) {
  File file = {};
  std::uint64_t directory = 0;
  std::uint64_t time = 0;
  std::uint64_t size = 0;
  if (!reader.ReadString(file.name) || !reader.ReadLeb(directory) || !reader.ReadLeb(time) ||
      !reader.ReadLeb(size)) {
    return false;
  }
  file.directory = Narrow(directory);
  files_.push_back(file);
  return true;
}

// Columns, each with its form, and then the rows. Every form takes a byte at least, so that the
// number of rows is no more than a claim.
bool LineFiles::ReadTable(const Sections& sections, const LineFormat& format, ByteReader& header,
                          std::vector<File>& table) {
  std::uint8_t width = 0;
  std::uint64_t height = 0;
  if (!header.ReadByte(width)) return false;
  std::vector<Column> columns(width);
  for (Column& column : columns) {
    if (!header.ReadLeb(column.content) || !header.ReadLeb(column.form)) return false;
  }
  if (!header.ReadLeb(height) || (columns.empty() && height != 0)) return false;
  for (; height != 0; --height) {
    table.emplace_back();
    if (!sections.ReadRow(columns, format, header, table.back())) return false;
  }
  return true;
}

std::string LineFiles::Path(std::size_t number) const {
  if (number >= files_.size() || files_[number].name.empty()) return "";
  const File& file = files_[number];
  const bool has_directory = file.directory < directories_.size();
  const std::string_view directory =
      has_directory ? directories_[file.directory].name : std::string_view();
  return Join(unit_directory_, Join(directory, file.name));
}

std::size_t LineFiles::HeldBytes() const {
  return (files_.capacity() + directories_.capacity()) * sizeof(File) + unit_directory_.capacity();
}

}  // namespace limpet
