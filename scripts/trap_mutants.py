"""The ways of breaking limpet that its tests are held against (check_mutants.py).

Rows are those of the list of traps that heap profilers fell into; tests/README.md says which test stands for which.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Mutant:
    row: int
    what: str
    test: str   # meson's name of the test that must notice
    cases: str  # gtest's filter of the cases that must
    edits: tuple[tuple[str, str, str], ...]  # file, text that stands there once, what takes its place


MUTANTS = (
    # --- 1 to 5: locks of the loader, of libgcc; the program's unwinder ---
    Mutant(1, "a sample asks the loader for its objects", "lock", "LoaderLock.IsNotWaitedFor*", (
        ("runtime/tracer.cc", "#include <sys/auxv.h>\n", "#include <link.h>\n#include <sys/auxv.h>\n"),
        ("runtime/tracer.cc", "  RememberedWalk& walk = thread.record->walk;\n  bool is_usable",
         """  dl_iterate_phdr([](dl_phdr_info*, size_t, void*) { return 1; }, nullptr);
  RememberedWalk& walk = thread.record->walk;
  bool is_usable"""))),
    Mutant(2, "a name that is missing is looked up", "other_preload", "*Preloads.*", ((
        "preload/next_symbol.cc", """  if (g_has_free_sized) Bind("free_sized", &g_next.free_sized);""",
        """  Bind("free_sized", &g_next.free_sized);"""),)),
    Mutant(3, "a sample asks libgcc for an unwind table", "lock", "UnwindTables.*", (
        ("runtime/tracer.cc", "namespace limpet {\nnamespace {\n",
         """extern "C" [[gnu::weak]] void* _Unwind_Find_FDE(const void*, void*);
namespace limpet {
namespace {
"""),
        ("runtime/tracer.cc", "  RememberedWalk& walk = thread.record->walk;\n  bool is_usable",
         """  char bases[64];
  if (_Unwind_Find_FDE != nullptr) _Unwind_Find_FDE(reinterpret_cast<void*>(caller.return_address), bases);
  RememberedWalk& walk = thread.record->walk;
  bool is_usable"""))),
    Mutant(4, "the library exports a name of the unwinder", "linker", "Loader.BindsNoUnwinder*", (
        ("preload/exports.map", "    dlclose;\n", "    dlclose;\n    _Unwind_Resume;\n"),
        ("preload/loader_hooks.cc", "int HookDlclose(void* library) LIMPET_EXPORT(\"dlclose\");\n",
         """int HookDlclose(void* library) LIMPET_EXPORT("dlclose");
void HookUnwindResume(void* exception) LIMPET_EXPORT("_Unwind_Resume");
void HookUnwindResume(void* exception) {
  reinterpret_cast<void (*)(void*)>(FindNext("_Unwind_Resume"))(exception);
}
"""))),
    Mutant(5, "rules of code that was unloaded are kept", "module", "Modules.OfEqualCode*", ((
        "runtime/session.cc", "void OnUnload() { g_tracer.InvalidateRules(); }", "void OnUnload() {}"),)),

    # --- 6 to 12: processes and threads begin and end ---
    Mutant(6, "a forked child is not told from its parent", "fork", "*ForkedChild.StartsEmpty*", ((
        "runtime/tracer.cc", "sizeof(page_), MADV_WIPEONFORK);", "sizeof(page_), MADV_NORMAL);"),)),
    Mutant(8, "a vfork child is taken for its parent's thread", "fork", "VforkedChild.IsNotTaken*", ((
        "runtime/tracer_threads.cc", "if (thread.epoch == epoch_ || !IsThisProcess()) return;",
        "if (thread.epoch == epoch_) return;"),)),
    Mutant(8, "a vfork child makes the segment", "fork", "VforkedChild.StartsNo*", ((
        "runtime/tracer_segment.cc", "  if (!IsThisProcess()) return false;\n", ""),)),
    Mutant(9, "children write where their parent does", "family", "Families.HaveAProfile*", ((
        "tools/cli/dump_request.cc", "\"%e.%p-%s\"", "\"%e\""),)),
    Mutant(10, "the segment goes with its process", "exit", "*ViolentEnd*", ((
        "runtime/tracer_segment.cc", "  if (AttachTables()) return segment.Publish(), true;\n",
        "  if (AttachTables()) return segment.Publish(), RemoveSegmentFile(segment.path()), true;\n"),)),
    Mutant(11, "at the end the memory is unmapped", "exit", "*LateAllocation*", ((
        "runtime/tracer.cc",
        "  if (!RemoveSegmentFile(segment.path())) segment.GiveBackMemory();\n",
        """  RemoveSegmentFile(segment.path());
  RawSyscall(SYS_munmap, AsArgument(segment.header()), static_cast<long>(segment.header()->segment_bytes));
"""),)),
    Mutant(12, "a thread that ends keeps its record", "thread", "Threads.ManyShortOnes*", ((
        "runtime/thread_record.cc",
        "  kept_.fetch_sub(1, std::memory_order_relaxed);\n"
        "  Push(retired_[1 - looked_at_.load(std::memory_order_relaxed)], record);\n",
        "  kept_.fetch_sub(1, std::memory_order_relaxed);\n"),)),

    # --- 15 to 25: what libc, other preloads and odd stacks do ---
    Mutant(15, "a sample asks for its thread's stack", "lock", "ThreadAttributes.*", (
        ("runtime/tracer.cc", "#include <sys/auxv.h>\n", "#include <pthread.h>\n#include <sys/auxv.h>\n"),
        ("runtime/tracer.cc", "  RememberedWalk& walk = thread.record->walk;\n  bool is_usable",
         """  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) == 0) pthread_attr_destroy(&attributes);
  RememberedWalk& walk = thread.record->walk;
  bool is_usable"""))),
    Mutant(16, "what comes before the constructor is not recorded", "other_preload", "*Preloads.SeeWhatConstructors*", ((
        "runtime/session.cc", "  return g_tracer.Start();\n}\n\n}  // namespace",
        "  return g_tracer.IsOff();\n}\n\n}  // namespace"),)),
    Mutant(19, "the real functions are sought from the front", "other_preload", "*Preloads.MayLookUp*", ((
        "preload/next_symbol.cc", "  auto found = reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));",
        "  auto found = reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));"),)),
    Mutant(22, "a realloc that fails loses its block", "exact_numbers", "ExactNumbers.ReallocThatFails*", ((
        "runtime/session.cc", "g_tracer.allocations.Reattach(slot);", "g_tracer.allocations.Release(slot, nullptr);"),)),
    Mutant(22, "what could not be allocated is recorded", "exact_numbers", "ExactNumbers.AllocationsThatFail*", ((
        "runtime/session.cc", "  if (!weight.IsSampled() || block == nullptr) return;\n",
        "  if (!weight.IsSampled()) return;\n"),)),
    Mutant(24, "every stack is read as the thread's own", "stack_shape", "OddStacks.*", ((
        "runtime/stack/stack_memory.h", "    bool is_inside = bounds_.Holds(slot) && bounds_.high - slot >= kWordBytes;\n",
        "    bool is_inside = true;\n"),)),
    Mutant(25, "stacks begin inside of the library", "stack_shape", "*LinkedProgram.HasNoFrameOfOurs*", ((
        "preload/malloc_hooks.cc",
        """  void* block = g_next.malloc(bytes);
  session::OnAllocation(block, bytes, weight, sys::CaptureCaller());
""",
        """  void* block = g_next.malloc(bytes);
  [&]() __attribute__((noinline)) {
    session::OnAllocation(block, bytes, weight, sys::CaptureCaller());
    asm volatile("");
  }();
"""),)),

    # --- 23: an allocation that goes through two hooks counts twice ---
    Mutant(23, "reallocarray is recorded beside the realloc it makes", "exact_numbers",
           "ExactNumbers.ReallocarrayCountsOnce", ((
               "preload/malloc_hooks.cc",
               "if (!__builtin_mul_overflow(count, bytes, &total)) return Resize(block, total);",
               """if (!__builtin_mul_overflow(count, bytes, &total)) {
    void* resized = Resize(block, total);
    session::OnAllocation(resized, total, session::OnCharge(total), sys::CaptureCaller());
    return resized;
  }"""),)),
    Mutant(23, "new is recorded beside the malloc behind it", "exact_numbers", "ExactNumbers.NewCountsOnce", (
        ("preload/new_hooks.cc", "  Publish(op, found, is_own);\n", "  Publish(op, found, is_own || true);\n"),
        ("preload/new_hooks.cc", "  if (Defines(*library, #symbol)) own_symbols.Hide(#symbol);",
         "  if (Defines(*library, #symbol) && *#symbol == '?') own_symbols.Hide(#symbol);"))),
    Mutant(23, "an allocator's own aligned new is recorded beside its aligned_alloc", "allocator",
           "Allocator.ThatIsPreloadedBehindUsIsExact", ((
               "preload/new_hooks.cc",
               """release != nullptr &&
                !GoesThroughHooks(reinterpret_cast<New>(found), reinterpret_cast<Delete>(release));""",
               "release != nullptr;"),)),
    Mutant(23, "a block that libc maps is a mapping of the program, too", "exact_numbers",
           "ExactNumbers.WhatLibcMapsForABlockCountsOnce", ((
               "preload/malloc_hooks.cc",
               """  void* block = g_next.malloc(bytes);
  session::OnAllocation(block, bytes, weight, sys::CaptureCaller());
""",
               """  void* block = g_next.malloc(bytes);
  session::OnAllocation(block, bytes, weight, sys::CaptureCaller());
  auto start = reinterpret_cast<std::uint64_t>(block);
  if (session::TracesMappings() && bytes > 128 << 10)
    session::OnMap({start & ~4095ul, (start + bytes + 4095) & ~4095ul}, sys::CaptureCaller());
"""),)),
    Mutant(23, "mappings are added to the heap", "mapping", "Mapped.IsExactToThePage", ((
        "runtime/session.cc", "AddToSite(stack, SiteKind::kMapping, kWeightOne, bytes);",
        "AddToSite(stack, SiteKind::kHeap, kWeightOne, bytes);"),)),

    # --- 26: the profile is much smaller than the process, and nobody says so ---
    Mutant(26, "one function of the family is not recorded", "exact_numbers", "ExactNumbers.AlignedAlloc", ((
        "preload/malloc_hooks.cc",
        """  if (Passes(bytes)) [[likely]]
    return g_next.aligned_alloc(alignment, bytes);""",
        """  if (bytes != 0) [[likely]]
    return g_next.aligned_alloc(alignment, bytes);"""),)),
    Mutant(26, "coverage is told without what is resident", "estimate", "Coverage.*", ((
        "tools/profile/coverage.cc", "FormatBytes(in_use), FormatBytes(coverage.resident_anonymous_bytes),",
        "FormatBytes(in_use), FormatBytes(in_use),"),)),
    Mutant(26, "coverage is told of all that was ever allocated", "estimate", "Coverage.*", ((
        "tools/cli/dump_target.cc", ".in_use_bytes = total.in_use.Bytes(),",
        ".in_use_bytes = total.allocated.Bytes(),"),)),

    # --- 27: the estimates are wrong ---
    Mutant(27, "objects are the number of samples", "estimate", "Estimates.*", ((
        "runtime/session.cc", "AddToSite(stack, SiteKind::kHeap, weight.fixed, Weighted",
        "AddToSite(stack, SiteKind::kHeap, kWeightOne, Weighted"),)),
    Mutant(27, "samples are added up first, then scaled by their average size", "estimate", "Estimates.*", (
        ("runtime/session.cc",
         "AddToSite(stack, SiteKind::kHeap, weight.fixed, WeightedBytes(bytes, weight.fixed));",
         "AddToSite(stack, SiteKind::kHeap, kWeightOne, bytes);"),
        ("tools/profile/estimate.cc",
         """          .weight = site.allocated_objects_weight,
          .bytes = site.allocated_bytes,
          .objects_variance = samples * variance,""",
         """          .weight = std::uint64_t(double(site.allocated_objects_weight) /
                                  -std::expm1(-double(site.allocated_bytes) / samples / double(interval_bytes))),
          .bytes = std::uint64_t(double(site.allocated_bytes) /
                                 -std::expm1(-double(site.allocated_bytes) / samples / double(interval_bytes))),
          .objects_variance = samples * variance,"""))),
    Mutant(27, "the next gap owes what the sample was beyond its mark", "sample",
           "ByteSampler.RedrawsTheIntervalAfterASample", ((
               "runtime/sample/byte_sampler.cc",
               """  DrawGap(control.interval_bytes.load(std::memory_order_relaxed));
  return weight;""",
               """  const std::uint64_t debt = requested_bytes + 1 - bytes_until_mark_;
  DrawGap(control.interval_bytes.load(std::memory_order_relaxed));
  if (drawn_interval_bytes_ > kSampleAll) bytes_until_mark_ -= debt < bytes_until_mark_ ? debt : bytes_until_mark_;
  return weight;"""),)),
    Mutant(27, "the weight is that of the interval in force, not of the one drawn with", "sample",
           "*ChangedInterval*", ((
               "runtime/sample/byte_sampler.cc", "is_sample ? WeightOf(requested_bytes, drawn_interval_bytes_)",
               "is_sample ? WeightOf(requested_bytes, control.interval_bytes.load())"),)),
    Mutant(27, "gaps are a byte too long", "sample", "ShortGaps.*", ((
        "runtime/sample/byte_sampler.cc",
        "return static_cast<std::uint64_t>(-mean_bytes * NaturalLog(random.UnitInterval()));",
        "return static_cast<std::uint64_t>(-mean_bytes * NaturalLog(random.UnitInterval())) + 1;"),)),

    # --- 28: a thread's first block is sampled always or never, or all threads alike ---
    Mutant(28, "every thread has the same seed", "thread", "Threads.SampleTheirFirstBlockAsOftenAsAnyOther", ((
        "runtime/sample/byte_sampler.h", "return next_seed.fetch_add(1, std::memory_order_relaxed);",
        "return next_seed.load(std::memory_order_relaxed);"),)),
    Mutant(28, "a thread's first block is always a sample", "thread",
           "Threads.SampleTheirFirstBlockAsOftenAsAnyOther", ((
               "runtime/sample/byte_sampler.cc", "    if (Passes(requested_bytes)) return kNotSampled;\n", ""),)),
    Mutant(28, "a thread's first block is never a sample", "thread",
           "Threads.SampleTheirFirstBlockAsOftenAsAnyOther", ((
               "runtime/sample/byte_sampler.cc", "    if (Passes(requested_bytes)) return kNotSampled;\n",
               "    return kNotSampled;\n"),)),
    Mutant(28, "seeds that follow each other are not scattered", "sample", "Random.*:Threads.*:Common/*", ((
        "runtime/sample/random.h", "state_ = Stir(seed + kStride) | 1;", "state_ = seed * kStride | 1;"),)),

    # --- 29: frees become slower in time, or are lost ---
    Mutant(29, "removed addresses leave tombstones", "table", "AddressIndex.TakesFreedCellsAgain", ((
        "runtime/table/address_index.h", "if (!sys::CompareExchange(cell, found, entry)) return false;",
        "if (!sys::CompareExchange(cell, found, entry != 0 ? entry : ~std::uint64_t{0})) return false;"),)),
    Mutant(29, "removed addresses keep their cells", "table", "AddressIndex.LooksAtNoMoreLinesThanItsAddressesNeed", ((
        "runtime/table/address_index.h", "if (!sys::CompareExchange(cell, found, entry)) return false;",
        "if (!sys::CompareExchange(cell, found, entry != 0 ? entry : ~std::uint64_t{0} >> 1)) return false;"),)),
    Mutant(29, "slots of freed blocks are not taken again", "table", "AllocationTable.TakesFreedSlotsAgain", ((
        "runtime/table/allocation_table.cc",
        """  if (spare != nullptr && spare->Put(number)) return;
  free_slots_.Give(
      number, [this](std::uint32_t at) -> auto& { return slots_[at].next_free; });
""", ""),)),
    Mutant(29, "the filter never forgets", "table", "AllocationTable.MakesFreesOfABlockBeLookedAt:FreeFilter.*", ((
        "runtime/table/free_filter.h", "void Remove(std::uint64_t address) { Change(address, -1); }",
        "void Remove(std::uint64_t) {}"),)),
    Mutant(29, "the filter has bits instead of counters", "estimate", "Frees.*", ((
        "runtime/table/free_filter.h", "void Remove(std::uint64_t address) { Change(address, -1); }",
        "void Remove(std::uint64_t address) { counts_[IndexOf(address)].store(0); }"),)),

    # --- 30: an address is used again before its free is recorded ---
    Mutant(30, "a free is recorded after the real free", "reuse", "Reuse.OfABlockWhileItIsBeingFreedOrResizedIsSeen", ((
        "preload/malloc_hooks.cc", "  if (!ForgetKnown(block)) g_next.free(block);",
        """  if (bootstrap_arena::Holds(block)) return;
  g_next.free(block);
  session::OnFree(block);"""),)),
    Mutant(30, "a realloc is recorded after the real realloc", "reuse",
           "Reuse.OfABlockWhileItIsBeingFreedOrResizedIsSeen", ((
               "preload/malloc_hooks.cc",
               """  SlotId slot = block == nullptr ? SlotId::kNone : session::OnReallocStart(block);
  void* resized = g_next.realloc(block, bytes);
""",
               """  void* resized = g_next.realloc(block, bytes);
  SlotId slot = block == nullptr ? SlotId::kNone : session::OnReallocStart(block);
"""),)),
    Mutant(30, "frees by one thread of another's blocks are left out", "reuse", "Reuse.ByTwoThreads*", ((
        "runtime/session.cc",
        """  bool was_sample =
      g_tracer.allocations.Remove(reinterpret_cast<std::uint64_t>(block), SpareOf(thread));
""",
        """  SlotId slot = g_tracer.allocations.Detach(reinterpret_cast<std::uint64_t>(block));
  bool was_sample = slot != SlotId::kNone;
  auto* slots = g_tracer.segment.Entries<AllocationSlot>(SectionKind::kAllocations);
  bool is_others = was_sample && slots[static_cast<std::uint32_t>(slot)].thread_id != thread.thread_id;
  if (is_others) g_tracer.allocations.Reattach(slot);
  if (was_sample && !is_others) g_tracer.allocations.Release(slot);
"""),)),

    # --- 31: the output, or a reader of it, grows without end ---
    Mutant(31, "the limit of memory is ignored", "limit", "Limits.ManyStacks*", ((
        "runtime/tracer_segment.cc", "  if (options.max_bytes != 0) return options.max_bytes;\n", ""),)),
    Mutant(31, "stacks that do not fit are not counted", "limit", "Limits.ManyStacks*", ((
        "runtime/table/stack_tree.cc",
        """  segment_->counters().dropped_stacks_full.fetch_add(1, std::memory_order_relaxed);
  walk->Forget();""", "  walk->Forget();"),)),
    Mutant(31, "samples of stacks that do not fit are lost", "limit", "Limits.ManyStacks*", ((
        "runtime/session.cc", "  if (site == nullptr) return;\n",
        "  if (site == nullptr || stack.id == StackId::kComplete) return;\n"),)),

    # --- 32: one thread holds up the others ---
    Mutant(32, "a lock around the recording of a sample", "held_thread", "HeldThread.InTheMiddle*", (
        ("runtime/session.cc", "  g_tracer.allocations.Prefetch(address);\n",
         """  static std::atomic_flag lock;
  while (lock.test_and_set()) {
  }
  g_tracer.allocations.Prefetch(address);
"""),
        ("runtime/session.cc", "  if (!is_entered && g_tracer.allocations.IsDamaged()) g_tracer.GiveUp();\n",
         "  if (!is_entered && g_tracer.allocations.IsDamaged()) g_tracer.GiveUp();\n  lock.clear();\n"))),
    Mutant(32, "threads wait for the one that makes the segment", "held_thread", "HeldThread.ThatMakes*", ((
        "runtime/tracer_segment.cc",
        """kAttaching, std::memory_order_acquire))
    return HasSegment();""",
        """kAttaching, std::memory_order_acquire)) {
    while (state_.load() == State::kAttaching) {
    }
    return HasSegment();
  }"""),)),

    # --- 33 to 41: files of the program, and readers ---
    Mutant(33, "code lies in the file as it lies in memory", "stack_shape", "*LinkedProgram.IsMapped*", ((
        "runtime/table/module_table.cc", "slot->file_offset = program[i].p_offset & ~kPageMask;",
        "slot->file_offset = program[i].p_vaddr & ~kPageMask;"),)),
    Mutant(35, "a file of another build gives names", "replaced_file", "ChangedWhileItRuns.ALibraryIsNot*", ((
        "tools/symbol/module_index.cc", "  if (is_other) return", "  if (is_other && module.path.empty()) return"),)),
    Mutant(35, "a newer file without build id gives names", "replaced_file", "ChangedWhileItRuns.ALibraryWithout*", ((
        "tools/symbol/module_index.cc", "  if (module.build_id.empty() && is_newer) return",
        "  if (module.path.empty() && is_newer) return"),)),
    Mutant(35, "the files of a container are sought outside", "replaced_file", "Container.*", ((
        "tools/reader/process_facts.cc", "  return root.empty() || is_ours ? \"\" : folder + \"/root\";",
        "  return root.empty() || is_ours ? \"\" : \"\";"),)),
    Mutant(35, "a companion that nobody reaps is at work for ever", "dump_signal", "DumpSignal.IsAnswered*", ((
        "runtime/dump/dump_start.cc", "!sys::WaitUntilGone(pid, 0);", "RawSyscall(SYS_kill, pid, 0) == 0;"),)),
    Mutant(40, "dlopen is wrapped", "linker", "Loader.SearchesAsWithoutUs", (
        ("preload/exports.map", "    dlclose;\n", "    dlclose;\n    dlopen;\n"),
        ("preload/loader_hooks.cc", "int HookDlclose(void* library) LIMPET_EXPORT(\"dlclose\");\n",
         """int HookDlclose(void* library) LIMPET_EXPORT("dlclose");
void* HookDlopen(const char* path, int flags) LIMPET_EXPORT("dlopen");
void* HookDlopen(const char* path, int flags) {
  void* library = reinterpret_cast<void* (*)(const char*, int)>(FindNext("dlopen"))(path, flags);
  session::OnUnload();
  return library;
}
"""))),
    Mutant(41, "target and reader share a lock", "stuck_reader", "StuckReader.HoldsUpNobody*", (
        ("runtime/session.cc", "#include <unistd.h>\n",
         "#include <fcntl.h>\n#include <sys/file.h>\n#include <unistd.h>\n"),
        ("runtime/session.cc", "  g_tracer.allocations.Prefetch(address);\n",
         """  static int file = open(g_tracer.segment.path().c_str(), O_RDONLY | O_CLOEXEC);
  flock(file, LOCK_EX);
  flock(file, LOCK_UN);
  g_tracer.allocations.Prefetch(address);
"""),
        ("tools/reader/segment_file.cc", "#include <fcntl.h>\n",
         "#include <fcntl.h>\n#include <sys/file.h>\n#include <unistd.h>\n"),
        ("tools/reader/segment_file.cc", "  if (fstat(descriptor_, &facts) != 0) {",
         "  flock(dup(descriptor_), LOCK_EX);\n  if (fstat(descriptor_, &facts) != 0) {"))),
)
