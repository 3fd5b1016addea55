#include "runtime/stack/stack_walker.h"

#include <ucontext.h>

#include <atomic>
#include <cstddef>
#include <cstring>

namespace limpet {
namespace {

constexpr std::uint64_t kWordBytes = StackMemory::kWordBytes;

// Where the kernel's signal frame keeps the interrupted registers, from the stack pointer that
// __restore_rt runs on (a ucontext_t, arch/x86/include/uapi/asm/sigcontext.h).
constexpr std::uint64_t RegisterSlot(int index) {
  return offsetof(ucontext_t, uc_mcontext.gregs) + static_cast<std::uint64_t>(index) * kWordBytes;
}

// Code that was interrupted behind a pop of rbp: its table still looks for it where it was, in what
// the ABI leaves to a function below its stack pointer, and the kernel does not touch.
constexpr std::uint64_t kRedZoneBytes = 128;

std::uint64_t LowestWord(std::uint64_t code, std::uint64_t stack_pointer) {
  return (code & kFrameIsExact) != 0 ? stack_pointer - kRedZoneBytes : stack_pointer;
}

// Field by field: a wide load of what was stored in parts a moment ago waits for the stores.
void Copy(const WalkedFrame& from, WalkedFrame* to) {
  to->stack_pointer = from.stack_pointer;
  to->frame = from.frame;
  to->frame_pointer = from.frame_pointer;
  to->rbp_offset = from.rbp_offset;
  to->needs_rbp = from.needs_rbp;
}

// What a frame hands on to its caller matters only where the caller needs it.
void Link(bool caller_needs_rbp, WalkedFrame* frame) {
  if (frame->MustStepAgain()) return;
  if (!caller_needs_rbp)
    frame->rbp_offset = 0;
  else if (frame->rbp_offset == 0)
    frame->needs_rbp = true;
}

// Keeps the outer `kept` frames of the last walk and puts the `fresh` ones on top.
void Adopt(std::uint32_t kept, std::uint32_t fresh, RememberedWalk* walk) {
  if (kept != 0) walk->is_truncated = false;
  walk->reused = kept;
  walk->depth = kept + fresh;
  walk->word_count = 0;
  bool needs_rbp = kept != 0 && walk->frames[kept - 1].needs_rbp;
  std::uint64_t path =
      kept != 0 ? walk->frames[kept - 1].path_hash : RootPathHash(walk->is_truncated);
  for (WalkedFrame* frame = &walk->frames[kept]; fresh != 0; ++frame) {
    Copy(walk->fresh[--fresh], frame);
    Link(needs_rbp, frame);
    needs_rbp = frame->needs_rbp;
    path = PathHash(frame->frame, path);
    frame->path_hash = path;
    frame->node = WalkedFrame::kNoNode;
  }
}

// What HasSameWords(frame, caller) looks at, of all frames. The count comes last: a handler that
// leaves by longjmp leaves none.
void GatherWords(RememberedWalk* walk) {
  std::uint32_t count = GatherStackWords(*walk, walk->words, RememberedWalk::kMaxWords);
  std::atomic_signal_fence(std::memory_order_release);
  walk->word_count = count;
}

}  // namespace

[[gnu::noinline]] bool StackWalker::IsRepeated(RememberedWalk* walk) {
  const WalkedFrame* inner = &walk->frames[walk->depth - 1];
  if (FirstChange(inner, walk->frames) != walk->frames) return false;
  GatherWords(walk);
  return true;
}

void StackWalker::Walk(const sys::CallerFrame& start, RememberedWalk* walk) {
  if (walk->generation != generation_) walk->Forget();
  walk->generation = generation_;
  memory_.Enter(LowestWord(start.return_address, start.stack_pointer));
  WalkFresh(RegistersOf(start), walk);
}

[[gnu::flatten]] void StackWalker::WalkFresh(Registers registers, RememberedWalk* walk) {
  std::uint32_t candidates = walk->is_truncated ? 0 : walk->depth;
  std::uint32_t fresh = 0;
  while (fresh < kMaxStackFrames) {
    if (Resume(registers, *walk, &candidates)) {
      if (fresh + candidates <= kMaxStackFrames) return Adopt(candidates, fresh, walk);
      candidates = 0;  // together too deep: which frames are kept differs, so walk them all
    }
    WalkedFrame* frame = &walk->fresh[fresh++];
    UnwindRule rule = Describe(registers, frame);
    if (StepPlain(rule, &registers, frame)) [[likely]]
      continue;
    Step step = StepOut(rule, registers, frame);
    registers = step.caller;
    if (step.way == Way::kCaller) continue;
    walk->is_truncated = step.way == Way::kLost;
    return Adopt(0, fresh, walk);
  }
  walk->is_truncated = true;
  Adopt(0, fresh, walk);
}

// Of the last walk, the outer `candidates` frames may still be on the stack. True when `registers`
// are those of the innermost and all outer ones still stand. Stack pointers only grow outwards, so
// frames that were passed need no second look.
bool StackWalker::Resume(const Registers& registers, const RememberedWalk& walk,
                         std::uint32_t* candidates) {
  const WalkedFrame* last = walk.frames + *candidates;
  while (last != walk.frames && last[-1].stack_pointer < registers.stack_pointer) --last;
  *candidates = static_cast<std::uint32_t>(last - walk.frames);
  if (last == walk.frames || !IsAt(last[-1], registers)) return false;
  std::uint32_t changed = ChangedFrame(walk, *candidates - 1);
  if (changed == 0) return true;
  *candidates = changed;  // which has another caller now: only frames outside of it may match
  return false;
}

// The first frame from `inner` outwards that has another caller than it had; 0: none.
//
// The usual case: all lie on the thread's own stack, which is mapped, and nothing changed.
std::uint32_t StackWalker::ChangedFrame(const RememberedWalk& walk, std::uint32_t inner) {
  const WalkedFrame* frame = &walk.frames[inner];
  if (memory_.IsOwnUpTo(walk.frames[0].stack_pointer)) [[likely]] {
    frame = FirstChange(frame, walk.frames);
    if (frame == walk.frames) return 0;
  }
  return ChangedFrameFrom(walk, static_cast<std::uint32_t>(frame - walk.frames));
}

// In order: on a foreign stack a slot is only read after all slots inside of it have proven to be
// the same stack. Stack pointers only grow outwards, so where the outermost frame lies on the
// thread's own stack all do, up to a frame that must be stepped again (a signal's).
std::uint32_t StackWalker::ChangedFrameFrom(const RememberedWalk& walk, std::uint32_t inner) {
  StackMemory memory = memory_;
  for (std::uint32_t i = inner; i != 0; --i) {
    const WalkedFrame& frame = walk.frames[i];
    const WalkedFrame& caller = walk.frames[i - 1];
    bool is_own = memory_.IsOwnUpTo(walk.frames[0].stack_pointer) && !frame.MustStepAgain();
    if (is_own ? HasSameWords(frame, caller) : HasSameCaller(frame, caller)) continue;
    memory_ = memory;
    return i;
  }
  memory_ = memory;
  return 0;
}

bool StackWalker::HasSameCaller(const WalkedFrame& frame, const WalkedFrame& caller) {
  if (frame.MustStepAgain()) return StepsTo(frame, caller);
  std::uint64_t value = 0;
  if (!memory_.Load(caller.stack_pointer - kWordBytes, &value) || value != caller.address())
    return false;
  if (frame.rbp_offset == 0) return true;
  std::uint64_t offset = static_cast<std::uint64_t>(std::int64_t{frame.rbp_offset});
  return memory_.Load(caller.stack_pointer + offset, &value) && value == caller.frame_pointer;
}

bool StackWalker::StepsTo(const WalkedFrame& frame, const WalkedFrame& caller) {
  Registers registers = RegistersOf(frame);
  WalkedFrame described;
  UnwindRule rule = Describe(registers, &described);
  Step step = StepOut(rule, registers, &described);
  return step.way == Way::kCaller && IsAt(caller, step.caller);
}

// The rule of the frame of `registers`, and all of `frame` but what a step finds out.
UnwindRule StackWalker::Describe(const Registers& registers, WalkedFrame* frame) {
  UnwindRule rule = cache_.Find(registers.code);
  frame->stack_pointer = registers.stack_pointer;
  frame->frame = registers.code | std::uint64_t{rule.module()} << kFrameModuleShift;
  frame->frame_pointer = registers.frame_pointer;
  frame->needs_rbp = rule.UsesFramePointer();
  return rule;
}

// Nearly all frames: what is read lies between this stack pointer and the caller's. False: nothing
// is changed, and StepOut decides.
bool StackWalker::StepPlain(UnwindRule rule, Registers* registers, WalkedFrame* frame) const {
  bool from_rsp = rule.kind() == RuleKind::kStackPointer;
  if (!from_rsp && rule.kind() != RuleKind::kFramePointer) return false;
  std::uint64_t base = from_rsp ? registers->stack_pointer : registers->frame_pointer;
  std::uint64_t cfa = base + static_cast<std::uint64_t>(rule.cfa_offset());
  if (!memory_.IsOwnFrame(registers->stack_pointer, cfa)) return false;
  std::uint64_t code = StackMemory::Word(cfa - kWordBytes) & kFrameAddressMask;
  if (code == 0) return false;
  if (rule.rbp_offset() != 0) {
    std::uint64_t slot = cfa + static_cast<std::uint64_t>(rule.rbp_offset());
    if (!StackMemory::IsInside(slot, registers->stack_pointer, cfa)) return false;
    registers->frame_pointer = StackMemory::Word(slot);
  }
  frame->rbp_offset = static_cast<std::int32_t>(rule.rbp_offset());
  registers->code = code;
  registers->stack_pointer = cfa;
  return true;
}

// From `registers` to their caller's, whatever the rule.
StackWalker::Step StackWalker::StepOut(UnwindRule rule, const Registers& registers,
                                       WalkedFrame* frame) {
  frame->rbp_offset = WalkedFrame::kStepAgain;
  switch (rule.kind()) {
    case RuleKind::kStackPointer:
    case RuleKind::kFramePointer:
      return StepByTable(rule, registers, frame);
    case RuleKind::kRealigned:
      return StepRealigned(rule, registers);
    case RuleKind::kSignal:
      return StepOutOfSignal(registers);
    case RuleKind::kNoEntry:
      return StepByFramePointer(registers, frame);
    case RuleKind::kGo:
      return StepInGo(registers, frame);
    case RuleKind::kEnd:
      return {Way::kFirstFrame, {}};
    default:
      return {Way::kLost, {}};
  }
}

StackWalker::Step StackWalker::StepByTable(UnwindRule rule, const Registers& registers,
                                           WalkedFrame* frame) const {
  bool from_rsp = rule.kind() == RuleKind::kStackPointer;
  std::uint64_t base = from_rsp ? registers.stack_pointer : registers.frame_pointer;
  std::uint64_t cfa = base + static_cast<std::uint64_t>(rule.cfa_offset());
  std::uint64_t rbp = registers.frame_pointer;
  std::uint64_t rbp_slot = cfa + static_cast<std::uint64_t>(rule.rbp_offset());
  bool keeps_rbp = rule.rbp_offset() == 0;
  // A word below the frame is one that a later walk may not have reached.
  if (keeps_rbp || rbp_slot >= registers.stack_pointer)
    frame->rbp_offset = static_cast<std::int32_t>(rule.rbp_offset());
  if (!keeps_rbp && !memory_.Load(rbp_slot, &rbp)) return {Way::kLost, {}};
  return Finish(cfa, rbp, registers);
}

StackWalker::Step StackWalker::StepRealigned(UnwindRule rule, const Registers& registers) const {
  std::uint64_t cfa = registers.frame_pointer + static_cast<std::uint64_t>(rule.cfa_offset());
  std::uint64_t rbp = registers.frame_pointer + static_cast<std::uint64_t>(rule.rbp_offset());
  if (!memory_.Load(cfa, &cfa) || !memory_.Load(rbp, &rbp)) return {Way::kLost, {}};
  return Finish(cfa, rbp, registers);
}

StackWalker::Step StackWalker::StepOutOfSignal(const Registers& registers) {
  std::uint64_t context = registers.stack_pointer;
  Registers interrupted = {};
  if (!memory_.Load(context + RegisterSlot(REG_RIP), &interrupted.code) ||
      !memory_.Load(context + RegisterSlot(REG_RSP), &interrupted.stack_pointer) ||
      !memory_.Load(context + RegisterSlot(REG_RBP), &interrupted.frame_pointer)) {
    return {Way::kLost, {}};
  }
  interrupted.code = (interrupted.code & kFrameAddressMask) | kFrameIsExact;
  // The handler may have run on a stack of its own.
  memory_.Enter(LowestWord(interrupted.code, interrupted.stack_pointer));
  return {Way::kCaller, interrupted};
}

// Code without tables: JIT code and some assembly keep rbp as a frame pointer. Where they do not,
// the chain leaves the bounds or meets a null address, and the stack is marked truncated.
StackWalker::Step StackWalker::StepByFramePointer(const Registers& registers,
                                                  WalkedFrame* frame) const {
  std::uint64_t base = registers.frame_pointer;
  std::uint64_t rbp = 0;
  if (base == 0) return {Way::kFirstFrame, {}};  // the ABI's mark of the first frame
  if (base < registers.stack_pointer || !memory_.Load(base, &rbp)) return {Way::kLost, {}};
  frame->rbp_offset = -2 * static_cast<std::int32_t>(kWordBytes);
  return Finish(base + 2 * kWordBytes, rbp, registers);
}

// Where rbp is not on the stack that is walked, C was called by Go, or Go by C: the other's stack
// comes next, and on it Go's code, as little else keeps rbp in a register of its own.
StackWalker::Step StackWalker::StepInGo(const Registers& registers, WalkedFrame* frame) {
  std::uint64_t base = registers.frame_pointer;
  if (base == 0 || memory_.Holds(base)) return StepByFramePointer(registers, frame);
  if (!memory_.EnterOther(registers.stack_pointer, base)) return {Way::kLost, {}};
  Step step = StepByFramePointer({registers.code, base, base}, frame);
  frame->rbp_offset = WalkedFrame::kStepAgain;
  bool is_go = step.way == Way::kCaller && cache_.Find(step.caller.code).kind() == RuleKind::kGo;
  return is_go ? step : Step{Way::kLost, {}};
}

StackWalker::Step StackWalker::Finish(std::uint64_t cfa, std::uint64_t frame_pointer,
                                      const Registers& registers) const {
  std::uint64_t address = 0;
  if (cfa <= registers.stack_pointer || cfa > memory_.high()) return {Way::kLost, {}};
  if (!memory_.Load(cfa - kWordBytes, &address)) return {Way::kLost, {}};
  if (address == 0) return {Way::kFirstFrame, {}};
  return {Way::kCaller, {address & kFrameAddressMask, cfa, frame_pointer}};
}

}  // namespace limpet
