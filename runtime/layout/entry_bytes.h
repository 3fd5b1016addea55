// The size of an entry of each section, as this version of the treaty has it.
//
// Runs: target startup (written) | companion (least that it takes).  Threads: pure.  Allocates:
// never.
#pragma once

#include <cstdint>

#include "runtime/layout/allocation_slot.h"
#include "runtime/layout/event_site.h"
#include "runtime/layout/module_slot.h"
#include "runtime/layout/release_slot.h"
#include "runtime/layout/segment.h"
#include "runtime/layout/site_slot.h"
#include "runtime/layout/stack_node.h"
#include "runtime/layout/thread_slot.h"

namespace limpet {

constexpr std::uint32_t EntryBytes(SectionKind kind) {
  switch (kind) {
    case SectionKind::kModules:
      return sizeof(ModuleSlot);
    case SectionKind::kStackNodes:
      return sizeof(StackNode);
    case SectionKind::kSites:
      return sizeof(SiteSlot);
    case SectionKind::kAllocations:
    case SectionKind::kMappings:
      return sizeof(AllocationSlot);
    case SectionKind::kThreads:
      return sizeof(ThreadSlot);
    case SectionKind::kEvents:
      return sizeof(EventSite);
    case SectionKind::kReleases:
      return sizeof(ReleaseSlot);
    case SectionKind::kStrings:
    case SectionKind::kNone:
      return 1;
  }
  return 1;  // a kind of a newer target: readers pass it over
}

}  // namespace limpet
