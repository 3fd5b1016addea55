#include "runtime/stack/stack_walker.h"

#include <ucontext.h>

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

std::uint64_t FrameWord(std::uint64_t address, bool is_exact, std::uint16_t module) {
  return (address & kFrameAddressMask) | (is_exact ? kFrameIsExact : 0) |
         std::uint64_t{module} << kFrameModuleShift;
}

}  // namespace

void StackWalker::Walk(const sys::CallerFrame& start, RememberedWalk* walk) {
  if (walk->generation != generation_) walk->Forget();
  walk->generation = generation_;
  candidate_ = walk->is_truncated ? 0 : walk->depth;
  memory_.Enter(start.stack_pointer);
  WalkFresh({start.return_address, start.stack_pointer, start.frame_pointer, false}, walk);
}

[[gnu::flatten]] void StackWalker::WalkFresh(Registers registers, RememberedWalk* walk) {
  std::uint32_t fresh = 0;
  while (fresh < kMaxStackFrames) {
    if (Resume(registers, walk)) {
      if (fresh + candidate_ <= kMaxStackFrames) return Adopt(candidate_, fresh, walk);
      candidate_ = 0;  // together too deep: which frames are kept differs, so walk them all
    }
    Step step = StepOut(&registers, &walk->fresh[fresh++]);
    if (step == Step::kCaller) continue;
    walk->is_truncated = step == Step::kLost;
    return Adopt(0, fresh, walk);
  }
  walk->is_truncated = true;
  Adopt(0, fresh, walk);
}

// Keeps the outer `kept` frames of the last walk and puts the `fresh` ones on top.
void StackWalker::Adopt(std::uint32_t kept, std::uint32_t fresh, RememberedWalk* walk) {
  if (kept != 0) walk->is_truncated = false;
  for (std::uint32_t i = 0; i < fresh; ++i) walk->frames[kept + i] = walk->fresh[fresh - 1 - i];
  walk->reused = kept;
  walk->depth = kept + fresh;
}

// True when `registers` are those of frame `candidate_ - 1` of the last walk and all outer frames
// still stand. Stack pointers only grow outwards, so frames that were passed need no second look.
bool StackWalker::Resume(const Registers& registers, RememberedWalk* walk) {
  while (candidate_ != 0 && walk->frames[candidate_ - 1].stack_pointer < registers.stack_pointer) {
    --candidate_;
  }
  if (candidate_ == 0) return false;
  const WalkedFrame& candidate = walk->frames[candidate_ - 1];
  return candidate.stack_pointer == registers.stack_pointer &&
         RegistersOf(candidate) == registers && StillHolds(*walk, candidate_ - 1);
}

// Checks from frame `inner` outwards, stopping at the first difference: a slot is only read after
// all slots inside of it have proven to be the same stack.
//
// Stack pointers only grow outwards, so where the outermost frame lies on the thread's own stack
// all do, up to a frame that must be stepped again (a signal's).
bool StackWalker::StillHolds(const RememberedWalk& walk, std::uint32_t inner) {
  StackMemory memory = memory_;
  bool is_own = memory_.IsOwnUpTo(walk.frames[0].stack_pointer);
  for (std::uint32_t i = inner; i != 0; --i) {
    const WalkedFrame& frame = walk.frames[i];
    const WalkedFrame& caller = walk.frames[i - 1];
    if (is_own && !frame.MustStepAgain()) [[likely]] {
      if (HasSameWords(frame, caller)) continue;
    } else if (HasSameCaller(frame, caller)) {
      is_own = memory_.IsOwnUpTo(walk.frames[0].stack_pointer);
      continue;
    }
    memory_ = memory;
    candidate_ = i;  // frame i has another caller now: only frames outside of it may still match
    return false;
  }
  return true;
}

// Both words lie between the frame's stack pointer, which this walk has reached, and its caller's.
bool StackWalker::HasSameWords(const WalkedFrame& frame, const WalkedFrame& caller) {
  std::uint64_t cfa = caller.stack_pointer;
  if (StackMemory::Word(cfa - kWordBytes) != caller.address()) return false;
  std::uint64_t rbp_slot = cfa + static_cast<std::uint64_t>(std::int64_t{frame.rbp_offset});
  return frame.rbp_offset == 0 || StackMemory::Word(rbp_slot) == caller.frame_pointer;
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
  return StepOut(&registers, &described) == Step::kCaller && registers == RegistersOf(caller);
}

// Describes the frame of `registers` in `frame` and moves `registers` to its caller.
StackWalker::Step StackWalker::StepOut(Registers* registers, WalkedFrame* frame) {
  UnwindRule rule = cache_.Find(registers->address, registers->is_exact);
  frame->stack_pointer = registers->stack_pointer;
  frame->frame = FrameWord(registers->address, registers->is_exact, rule.module());
  frame->frame_pointer = registers->frame_pointer;
  frame->rbp_offset = WalkedFrame::kStepAgain;
  switch (rule.kind()) {
    case RuleKind::kStackPointer:
    case RuleKind::kFramePointer:
    case RuleKind::kRealigned:
      return StepByTable(rule, registers, frame);
    case RuleKind::kSignal:
      return StepOutOfSignal(registers);
    case RuleKind::kNoEntry:
      return StepByFramePointer(registers, frame);
    case RuleKind::kEnd:
      return Step::kFirstFrame;
    default:
      return Step::kLost;
  }
}

StackWalker::Step StackWalker::StepByTable(UnwindRule rule, Registers* registers,
                                           WalkedFrame* frame) {
  if (rule.kind() == RuleKind::kRealigned) return StepRealigned(rule, registers);
  bool from_rsp = rule.kind() == RuleKind::kStackPointer;
  std::uint64_t base = from_rsp ? registers->stack_pointer : registers->frame_pointer;
  std::uint64_t cfa = base + static_cast<std::uint64_t>(rule.cfa_offset());
  std::uint64_t rbp = registers->frame_pointer;
  std::uint64_t rbp_slot = cfa + static_cast<std::uint64_t>(rule.rbp_offset());
  bool keeps_rbp = rule.rbp_offset() == 0;
  // A word below the frame is one that a later walk may not have reached.
  if (keeps_rbp || rbp_slot >= registers->stack_pointer)
    frame->rbp_offset = static_cast<std::int32_t>(rule.rbp_offset());
  // Nearly all frames: what is read lies between this stack pointer and the caller's.
  if (memory_.IsOwnFrame(registers->stack_pointer, cfa) &&
      (keeps_rbp || memory_.IsInside(rbp_slot, registers->stack_pointer, cfa))) [[likely]] {
    std::uint64_t address = memory_.Word(cfa - kWordBytes);
    if (!keeps_rbp) rbp = memory_.Word(rbp_slot);
    if (address == 0) return Step::kFirstFrame;
    *registers = {address, cfa, rbp, false};
    return Step::kCaller;
  }
  if (!keeps_rbp && !memory_.Load(rbp_slot, &rbp)) return Step::kLost;
  return Finish(cfa, rbp, registers);
}

StackWalker::Step StackWalker::StepRealigned(UnwindRule rule, Registers* registers) {
  std::uint64_t cfa = registers->frame_pointer + static_cast<std::uint64_t>(rule.cfa_offset());
  std::uint64_t rbp = registers->frame_pointer + static_cast<std::uint64_t>(rule.rbp_offset());
  if (!memory_.Load(cfa, &cfa) || !memory_.Load(rbp, &rbp)) return Step::kLost;
  return Finish(cfa, rbp, registers);
}

StackWalker::Step StackWalker::StepOutOfSignal(Registers* registers) {
  std::uint64_t context = registers->stack_pointer;
  Registers interrupted = {0, 0, 0, true};
  if (!memory_.Load(context + RegisterSlot(REG_RIP), &interrupted.address) ||
      !memory_.Load(context + RegisterSlot(REG_RSP), &interrupted.stack_pointer) ||
      !memory_.Load(context + RegisterSlot(REG_RBP), &interrupted.frame_pointer)) {
    return Step::kLost;
  }
  memory_.Enter(interrupted.stack_pointer);  // the handler may have run on a stack of its own
  *registers = interrupted;
  return Step::kCaller;
}

// Code without tables: JIT code and some assembly keep rbp as a frame pointer. Where they do not,
// the chain leaves the bounds or meets a null address, and the stack is marked truncated.
StackWalker::Step StackWalker::StepByFramePointer(Registers* registers, WalkedFrame* frame) {
  std::uint64_t base = registers->frame_pointer;
  std::uint64_t rbp = 0;
  if (base == 0) return Step::kFirstFrame;  // the ABI's mark of the first frame
  if (base < registers->stack_pointer || !memory_.Load(base, &rbp)) return Step::kLost;
  frame->rbp_offset = -2 * static_cast<std::int32_t>(kWordBytes);
  return Finish(base + 2 * kWordBytes, rbp, registers);
}

StackWalker::Step StackWalker::Finish(std::uint64_t cfa, std::uint64_t frame_pointer,
                                      Registers* registers) {
  std::uint64_t address = 0;
  if (cfa <= registers->stack_pointer || cfa > memory_.high()) return Step::kLost;
  if (!memory_.Load(cfa - kWordBytes, &address)) return Step::kLost;
  if (address == 0) return Step::kFirstFrame;
  *registers = {address, cfa, frame_pointer, false};
  return Step::kCaller;
}

}  // namespace limpet
