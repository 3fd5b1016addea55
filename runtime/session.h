// The door: all that the hooks know of the tracer.
//
//   kUnstarted -> kIdle --first sample--> kTracing --exit--> kOff
//                   ^                        |
//                   +---- in a forked child--+        kOff also: disabled, no segment could be had,
//                                                     or trouble; a segment then says kPoisoned
//
// Nothing here blocks, throws, or uses the program's heap; errno is kept. What cannot be recorded
// is counted in the segment and the program goes on.
//
// Runs: target hot path (slow side).  Threads: any; async-signal-safe.  Allocates: private pages
// and the segment's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/layout/segment.h"
#include "runtime/options.h"
#include "runtime/own_signals.h"
#include "runtime/park/park.h"
#include "runtime/park/wait.h"
#include "runtime/sys/caller_frame.h"
#include "runtime/sys/sandbox.h"
#include "runtime/table/address_range.h"
#include "runtime/table/allocation_table.h"
#include "runtime/table/free_filter.h"
#include "runtime/thread_context.h"

namespace limpet::session {

// --- Life of the process ---

// At load. Reads the options, tells bad ones on stderr, learns the main thread's stack.
void Start();

// Makes the segment now if there is none, so that a reader finds one. False: tracing is off.
bool EnsureSegment();

// Before the program may forbid itself to open files: makes the segment, and has it ask the file
// system for the last time.
void PrepareForSandbox();

// Around a real call that enters a sandbox: start before, then exactly one of both. In a sandbox
// nothing is started and no file is made, opened or removed.
void OnSandboxStart(sys::Sandbox wanted);
void OnSandboxRefused(sys::Sandbox wanted);
void OnSandboxEntered(sys::Sandbox wanted);

// Before the program gives up what the segment's owner may do: makes the segment, and has its file
// say so, because what stands in it is no longer the owner's word.
void PrepareToGiveUpRights();

// Around a real call by which the program sees another root directory: start before, and the other
// if it did not work.
void OnRootChangeStart();
void OnRootChangeFailed();
bool HasChangedRoot();

// In memory that is another process's: its parent's, which is what the tracer knows.
bool IsVforkChild();

// A segment is being made, perhaps by the very thread that a handler has interrupted.
bool IsMakingSegment();

// Tracing was switched off by trouble; the segment keeps what there was until then.
bool HasGivenUp();

// Tells each LIMPET_ variable that is unknown or malformed on stderr. Once, at load.
void ReportBadOptions();

// `listener` is called each time this process has got a segment, also a forked child's; at once if
// it has one already. It may be in any thread, in a handler, inside malloc. Once, at load.
void ListenForSegments(void (*listener)());

// What became of our signals; told to readers by every segment of this process.
void SetSignalState(OwnSignal which, SignalState state);
SignalState StateOf(OwnSignal which);
// 0: it is switched off.
int NumberOf(OwnSignal which);

// False in a vfork child, which shares our memory but is not the process that is traced.
bool IsSegmentOwner();

// The process is ending by itself: the segment says so, and then its file goes, unless somebody is
// to read it once more, who then removes it.
void AnnounceEnd();
void Finish(bool keeps_segment);

const Options& options();
// nullptr while there is no segment of this very process.
SegmentHeader* header();
const char* segment_path();

// --- Memory ---

// Completes a charge that did not pass the sampler: a weight if the allocation is a sample. Called
// before the real function, which may throw.
[[nodiscard]] SampleWeight OnCharge(std::size_t requested_bytes);

// After the real allocation. `block` may be null.
void OnAllocation(const void* block, std::size_t requested_bytes, SampleWeight weight,
                  const sys::CallerFrame& caller);

// Before the real free of an address that the filter knows.
void OnFree(const void* block);

// Around a real realloc of an address that the filter knows: detach before, then exactly one of
// both.
[[nodiscard]] SlotId OnReallocStart(const void* block);
void OnReallocFailed(SlotId slot);
void OnReallocDone(SlotId slot);

// Anonymous mappings, when LIMPET_MMAP asks for them. `moment` is one from before the real call;
// what is recorded later than it is another thread's, and stays.
[[nodiscard]] bool TracesMappings();
[[nodiscard]] std::uint64_t MappingMoment();
[[nodiscard]] bool IsMapped(const AddressRange& range);
// After a real call that worked; what was recorded of the range before is forgotten by either.
void OnMap(const AddressRange& range, const sys::CallerFrame& caller);
void OnUnmap(const AddressRange& range, std::uint64_t moment);
// After one that failed, but may have unmapped the range before it did.
void OnReplaceFailed(const AddressRange& range, std::uint64_t moment);

// --- Threads and modules ---

// In the creating thread; nullptr: create the thread without us. Makes the segment: what threads
// wait for is recorded from the first one on.
ThreadRecord* OnThreadCreate(const sys::CallerFrame& caller);
void OnThreadCreateFailed(ThreadRecord* record);
// After a timer was made that calls a function. The first one has libc make a thread, which no hook
// sees.
void OnTimerThread(const sys::CallerFrame& caller);
// First and last in the new thread.
void OnThreadStart(ThreadRecord* record);
void OnThreadExit();
// The main thread starts in no function of ours. Last in it, where the process lives on.
bool IsMainThread();
void OnMainThreadExit();

// A thread that is about to be joined, and once it was. `thread` is a pthread_t.
struct JoinedThread {
  std::uint64_t thread;  // 0: nothing is to be done
  ThreadRecord* record;  // nullptr: it had not started yet
  std::uint32_t number;
};
[[nodiscard]] JoinedThread OnJoinStart(std::uint64_t thread);
void OnJoined(const JoinedThread& joined);
// Before the real call.
void OnDetach(std::uint64_t thread);
// After it.
void OnRename(std::uint64_t thread, const char* name);

// --- Waits ---

// Around a real call that may block: the thread's slot says so meanwhile. Waits nest as the calls
// do. A wait makes no segment: the first sample or the first created thread does, so that processes
// of one thread that are hardly there pay nothing.
void OnWaitStart(const Wait& wait, const sys::CallerFrame& caller, Park& park);
void OnWaitEnd(Park& park);
// In between, where the real call goes on with something else than waiting.
void OnWaitOver(Park& park);
// Of what the program passes on to libc or the kernel, for a wait that is about to start. False
// where nobody would be told, or where it cannot be read: then the real call answers.
[[nodiscard]] bool ReadPassed(const void* from, void* to, std::size_t bytes);
// The innermost wait is left by an exception, a cancellation or the thread's end.
void OnWaitUnwound();
// The thread jumps to `stack_pointer`: waits inside of that are left.
void OnJump(std::uint64_t stack_pointer);

// Kernel's id of the calling thread; 0: it has no slot.
[[nodiscard]] std::uint32_t OwnThreadId();
// Just before the thread lets others go on that wait for `object`. Only where somebody waits.
//
// A hold is a lock, or a futex that may be one: waits for it are charged to who held it, which
// takes exact times. To be asked first: whether anybody is to be charged (hold_waiters.h).
void OnHoldEnd(std::uint64_t object, const sys::CallerFrame& caller);
// A condition or a semaphore: only the last is told, by a clock that is cheap.
void OnSignal(std::uint64_t object, const sys::CallerFrame& caller);

// --- Running threads ---

// In the handler of a signal that asks for it: the thread's slot says where it was interrupted, or
// that it may not look: it is at work for us, or hardly has stack left. `signal_stack_low`: the low
// end of the stack that the handler runs on, 0: the thread's own.
void OnStackAsked(const sys::CallerFrame& interrupted, std::uint64_t signal_stack_low);

// Code may be gone from where it was.
void OnUnload();

}  // namespace limpet::session
