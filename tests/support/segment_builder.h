// Makes segment files as a target would, and broken ones as no target should.
//
//   SegmentBuilder builder;
//   auto module = builder.AddModule({.path = "/bin/app", .start = 0x1000, .end = 0x2000});
//   auto stack = builder.AddStack({{.address = 0x1234, .module = module}});
//   builder.AddSite(stack, {.objects = 2, .bytes = 64});
//   builder.WriteTo(path);
//
// Runs: tests.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "runtime/layout/event_site.h"
#include "runtime/layout/release_slot.h"
#include "runtime/layout/segment.h"
#include "runtime/layout/site_slot.h"
#include "runtime/layout/stack_node.h"
#include "runtime/layout/thread_slot.h"

namespace limpet {

struct ModuleSpec {
  std::string path;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t load_bias = 0;
  std::uint64_t file_offset = 0;
  std::string build_id;  // bytes
  bool is_ready = true;
};

struct FrameSpec {
  std::uint64_t address = 0;
  std::uint32_t module = 0;
  bool is_exact = false;
};

struct SiteSpec {
  SiteKind kind = SiteKind::kHeap;
  double objects = 0;
  std::uint64_t bytes = 0;
  std::uint64_t samples = 1;
};

struct EventSpec {
  EventKind kind = EventKind::kThreadCreation;
  double events = 1;
  std::uint64_t duration_ns = 0;
};

struct ReleaseSpec {
  std::uint64_t object = 0;
  std::uint64_t time_ns = 0;
  std::uint32_t thread_number = 0;
};

struct AllocationSpec {
  std::uint64_t address = 0x7000;
  std::uint64_t requested_bytes = 0;
  double weight = 1;
  std::uint64_t time_ns = 0;
  std::uint32_t thread_id = 0;
  std::uint32_t generation = 2;
  bool is_mapping = false;
};

struct ThreadSpec {
  std::uint32_t thread_id = 0;
  ThreadState state = ThreadState::kRunning;
  std::uint32_t sequence = 2;
  std::string name;
  std::uint32_t number = 0;
  std::uint32_t creator_number = 0;
  std::uint32_t creator_thread_id = 0;
  std::uint32_t creation_stack = 0;
  std::uint32_t life = 0;
  std::uint64_t started_ns = 0;
  WaitReason reason = WaitReason::kNone;
  std::uint64_t object = 0;
  std::uint64_t since_ns = 0;
  std::uint64_t timeout_ns = kNoTimeout;
  std::int32_t descriptor = -1;
  std::uint32_t owner_thread_id = 0;
  std::uint32_t stack = 0;
  std::uint64_t park_count = 0;
  std::uint64_t parked_ns = 0;
  std::uint64_t lock_ns = 0;  // of group_ns
  std::uint64_t read_lock = 0;
};

class SegmentBuilder {
 public:
  // An empty segment of a living process "/bin/app", pid 4242.
  SegmentBuilder();

  std::uint32_t AddModule(const ModuleSpec& spec);

  // Leaf first. Returns the stack's id.
  std::uint32_t AddStack(const std::vector<FrameSpec>& frames, bool is_truncated = false);

  // A node as it is, for trees that are none. Returns its index.
  std::uint32_t AddNode(std::uint64_t frame, std::uint32_t parent);

  void AddSite(std::uint32_t stack, const SiteSpec& spec);
  void AddEvents(std::uint32_t stack, const EventSpec& spec);
  void AddRelease(std::uint32_t stack, const ReleaseSpec& spec);
  void AddAllocation(std::uint32_t stack, const AllocationSpec& spec);

  void AddThread(const ThreadSpec& spec);

  // As an older target wrote: thread slots end where `entry_bytes` says.
  void ShortenThreads(std::uint32_t entry_bytes) { thread_bytes_ = entry_bytes; }

  // As a newer target writes: fields behind those we know, and a section of an unknown kind.
  void GrowEntries(std::uint32_t extra_bytes) { extra_bytes_ = extra_bytes; }
  void AddUnknownSection() { has_unknown_section_ = true; }

  // Changes the finished header: the last word, for what must be wrong.
  void ChangeHeader(std::function<void(SegmentHeader&)> change) { change_ = std::move(change); }

  std::string Build() const;
  void WriteTo(const std::string& path) const;

 private:
  template <typename Slot>
  void Append(SectionKind kind, const Slot& slot);
  std::uint32_t Count(SectionKind kind) const;
  std::uint32_t EntryBytesOf(SectionKind kind) const;
  std::string SectionBytes(SectionKind kind) const;

  std::map<SectionKind, std::vector<std::string>> entries_;
  std::string strings_;
  std::uint32_t thread_bytes_ = sizeof(ThreadSlot);
  std::uint32_t extra_bytes_ = 0;
  bool has_unknown_section_ = false;
  std::function<void(SegmentHeader&)> change_;
};

}  // namespace limpet
