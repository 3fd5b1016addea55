// Copies slots that their target goes on writing.
//
//   first copy, second copy:   equal and sequence even -> kept
//                              otherwise               -> read again alone, a few times
//                              never twice the same    -> torn: its sequence is odd in the copy
//
// A killed writer leaves its slot odd for ever, so the number of tries is bounded.
//
// Runs: companion.  Threads: plain data.  Allocates: yes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "tools/reader/section_copy.h"
#include "tools/reader/segment_file.h"

namespace limpet {

// What a reader looks at in one kind of slot.
struct SlotRules {
  std::size_t bytes;  // of an entry, from its start
  bool (*is_stable)(const char* entry);
  bool (*is_same)(const char* one, const char* other);
  void (*mark_torn)(char* entry);
};

// Slots as they lie in the file, in parts of at most `part_entries`. Two copies of a part are in
// memory at a time.
using PartVisitor = std::function<absl::Status(const SectionCopy& part)>;
absl::Status VisitSlots(const SegmentFile& file, const SectionRange& range,
                        std::uint64_t part_entries, const SlotRules& rules,
                        const PartVisitor& visit);

}  // namespace limpet
