#include "tests/support/thread_facts.h"

#include <gtest/gtest.h>

#include "runtime/layout/thread_slot.h"
#include "tools/symbol/elf_symbolizer.h"

namespace limpet {

ThreadRecord ThreadNamed(const SegmentSnapshot& snapshot, const std::string& name) {
  for (const ThreadRecord& thread : snapshot.threads) {
    if (thread.name == name) return thread;
  }
  ADD_FAILURE() << "no thread " << name;
  return {};
}

std::vector<SourceFrame> FramesOf(const SegmentSnapshot& snapshot, std::uint32_t stack) {
  static ElfSymbolizer symbolizer;
  std::vector<SourceFrame> frames;
  auto found = snapshot.stacks.find(stack);
  if (found == snapshot.stacks.end()) return frames;
  for (const FrameRecord& frame : found->second.frames) {
    const ModuleRecord& module = snapshot.modules[frame.module];
    const std::uint64_t address = frame.address - (frame.is_exact ? 0 : 1) - module.load_bias;
    std::vector<SourceFrame> named = symbolizer.Resolve({module.path, module.build_id, 0}, address);
    if (named.empty()) named.emplace_back();
    frames.insert(frames.end(), named.begin(), named.end());
  }
  return frames;
}

SourceFrame LeafOf(const SegmentSnapshot& snapshot, std::uint32_t stack) {
  const std::vector<SourceFrame> frames = FramesOf(snapshot, stack);
  return frames.empty() ? SourceFrame() : frames.front();
}

bool IsParked(const ThreadRecord& thread) { return thread.state == ThreadState::kParked; }

}  // namespace limpet
