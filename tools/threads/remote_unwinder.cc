#include "tools/threads/remote_unwinder.h"

#include <dlfcn.h>
#include <libunwind.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

#include "runtime/layout/stack_node.h"

namespace limpet {
namespace {

constexpr char kLibraryName[] = "libunwind-x86_64.so.8";

// What of .eh_frame_hdr is before its table.
struct UnwindHeader {
  std::uint8_t version, frame_encoding, count_encoding, table_encoding;
  std::int32_t frame;
  std::uint32_t count;
};
constexpr std::uint8_t kFrameIsRelative4 = 0x1B;
constexpr std::uint8_t kCountIsUnsigned4 = 0x03;
constexpr std::uint8_t kTableIsRelative4 = 0x3B;
constexpr std::uint64_t kTableEntryBytes = 8;

using SearchTable = int (*)(unw_addr_space_t, unw_word_t, unw_dyn_info_t*, unw_proc_info_t*, int,
                            void*);

constexpr std::uint64_t kNothing = 0;

// Rules are the target's, and libunwind goes through their expressions and lists without an end: a
// jump backwards is one byte. A usual walk reads some thousand words, most of which it remembers.
constexpr std::uint64_t kMaxReadsOfWalk = 1 << 17;
constexpr std::uint64_t kMaxReadsOfProcess = 1 << 25;  // some seconds

// What is known of a frame.
struct Registers {
  std::uint64_t stack_pointer = 0;
  std::uint64_t instruction = 0;
  std::uint64_t frame_pointer = kNothing;
};

// One thread that is being walked.
struct Walking {
  RemoteMemory& memory;
  const RemoteModules& modules;
  SearchTable search_table;
  Registers start;
  std::uint64_t reads_left = 0;
  std::uint64_t all_reads_left = kMaxReadsOfProcess;

  void RenewReads() { reads_left = std::min(all_reads_left, kMaxReadsOfWalk); }
  bool TakeRead() {
    if (reads_left == 0) return false;
    --reads_left;
    --all_reads_left;
    return true;
  }
};

Walking& Of(void* argument) { return *static_cast<Walking*>(argument); }

int FindProcInfo(unw_addr_space_t space, unw_word_t address, unw_proc_info_t* info,
                 int needs_unwind_info, void* argument) {
  Walking& walking = Of(argument);
  const RemoteModule* const module = walking.modules.Find(address);
  UnwindHeader header{};
  if (module == nullptr || module->unwind_table == 0 ||
      !walking.memory.ReadValue(module->unwind_table, header) ||
      header.frame_encoding != kFrameIsRelative4 || header.count_encoding != kCountIsUnsigned4 ||
      header.table_encoding != kTableIsRelative4) {
    return -UNW_ENOINFO;
  }
  unw_dyn_info_t table{};
  table.format = UNW_INFO_FORMAT_REMOTE_TABLE;
  table.start_ip = module->record.start;
  table.end_ip = module->record.end;
  table.u.rti.segbase = module->unwind_table;
  table.u.rti.table_data = module->unwind_table + sizeof(UnwindHeader);
  table.u.rti.table_len = header.count * kTableEntryBytes / sizeof(unw_word_t);
  return walking.search_table(space, address, &table, info, needs_unwind_info, argument);
}

void PutUnwindInfo(unw_addr_space_t, unw_proc_info_t*, void*) {}

int NoDynamicInfo(unw_addr_space_t, unw_word_t*, void*) { return -UNW_ENOINFO; }

int ReadMemory(unw_addr_space_t, unw_word_t address, unw_word_t* value, int is_write,
               void* argument) {
  Walking& walking = Of(argument);
  const bool is_read =
      is_write == 0 && walking.TakeRead() && walking.memory.ReadValue(address, *value);
  return is_read ? 0 : -UNW_EINVAL;
}

int ReadRegister(unw_addr_space_t, unw_regnum_t number, unw_word_t* value, int is_write,
                 void* argument) {
  if (is_write != 0) return -UNW_EREADONLYREG;
  const Registers& start = Of(argument).start;
  if (number == UNW_X86_64_RIP) {
    *value = start.instruction;
  } else if (number == UNW_X86_64_RSP) {
    *value = start.stack_pointer;
  } else if (number == UNW_X86_64_RBP && start.frame_pointer != kNothing) {
    *value = start.frame_pointer;
  } else {
    return -UNW_EBADREG;
  }
  return 0;
}

int NoFloat(unw_addr_space_t, unw_regnum_t, unw_fpreg_t*, int, void*) { return -UNW_EBADREG; }

int NoResume(unw_addr_space_t, unw_cursor_t*, void*) { return -UNW_EINVAL; }

int NoName(unw_addr_space_t, unw_word_t, char*, std::size_t, unw_word_t*, void*) {
  return -UNW_ENOINFO;
}

// How a hook of ours writes down its caller (runtime/sys/caller_frame.h).
struct CallerNote {
  std::uint64_t return_address;
  std::uint64_t stack_pointer;
  std::uint64_t frame_pointer;
};
constexpr char kTracerName[] = "/liblimpet.so";
constexpr char kLibcName[] = "/libc.so";
constexpr std::uint64_t kWordBytes = sizeof(std::uint64_t);
constexpr std::uint64_t kMaxHookBytes = 1024;

bool IsTracers(std::uint64_t address, const RemoteModules& modules) {
  const RemoteModule* const module = modules.Find(address - 1);
  return module != nullptr && module->record.path.find(kTracerName) != std::string::npos;
}

// It must agree with the frame that it speaks of, which the call has left on the stack.
bool IsNote(const CallerNote& note, std::uint64_t place, RemoteMemory& memory) {
  std::uint64_t saved[2] = {};
  const std::uint64_t behind = note.stack_pointer - place;
  return behind > sizeof(note) && behind <= kMaxHookBytes &&
         memory.Read(note.stack_pointer - sizeof(saved), saved, sizeof(saved)) &&
         saved[0] == note.frame_pointer && saved[1] == note.return_address;
}

// The caller of the hook whose frame begins at `stack_pointer`.
std::optional<CallerNote> FindNote(std::uint64_t stack_pointer, RemoteMemory& memory) {
  for (std::uint64_t offset = 0; offset < kMaxHookBytes; offset += kWordBytes) {
    CallerNote note{};
    if (!memory.ReadValue(stack_pointer + offset, note)) break;
    if (IsNote(note, stack_pointer + offset, memory)) return note;
  }
  return std::nullopt;
}

}  // namespace

// libunwind, with the rules that it remembers of one process.
class RemoteUnwinder::Library {
 public:
  Library(RemoteMemory& memory, const RemoteModules& modules)
      : walking_{memory, modules, nullptr, {}} {
    void* const library = dlopen(kLibraryName, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return;
    const bool is_whole = Load(library, "create_addr_space", create_) &&
                          Load(library, "destroy_addr_space", destroy_) &&
                          Load(library, "set_caching_policy", set_caching_) &&
                          Load(library, "init_remote", init_) && Load(library, "step", step_) &&
                          Load(library, "get_reg", get_) &&
                          Load(library, "is_signal_frame", is_signal_frame_) &&
                          Load(library, "dwarf_search_unwind_table", walking_.search_table);
    if (!is_whole) return;
    unw_accessors_t accessors = {FindProcInfo, PutUnwindInfo, NoDynamicInfo, ReadMemory,
                                 ReadRegister, NoFloat,       NoResume,      NoName};
    space_ = create_(&accessors, 0);
    if (space_ != nullptr) set_caching_(space_, UNW_CACHE_GLOBAL);
  }

  ~Library() {
    if (space_ != nullptr) destroy_(space_);
  }

  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  StackRecord Walk(std::uint64_t stack_pointer, std::uint64_t instruction) {
    StackRecord stack{.is_truncated = true};
    walking_.start = {stack_pointer, instruction};
    walking_.RenewReads();
    if (space_ == nullptr) return stack;
    const std::optional<CallerNote> note = WalkOn(stack);
    if (!note.has_value()) return stack;
    // Of a call that may be the last instruction of its function.
    walking_.start = {note->stack_pointer, note->return_address - 1, note->frame_pointer};
    const std::size_t first = stack.frames.size();
    WalkOn(stack);
    if (first < stack.frames.size()) stack.frames[first] = {.address = note->return_address};
    return stack;
  }

 private:
  // Adds frames from the start on. A hook of ours is built with frame pointers, and libc's function
  // below it is not, so that libunwind stops there: then where it goes on, if the hook has noted
  // it.
  std::optional<CallerNote> WalkOn(StackRecord& stack) {
    unw_cursor_t cursor;
    if (init_(&cursor, space_, &walking_) != 0) return std::nullopt;
    bool is_exact = false;
    while (stack.frames.size() < kMaxStackFrames) {
      unw_word_t address = 0;
      unw_word_t stack_pointer = 0;
      if (get_(&cursor, UNW_REG_IP, &address) != 0 || address == 0) break;
      get_(&cursor, UNW_REG_SP, &stack_pointer);
      stack.frames.push_back({.address = address & kFrameAddressMask, .is_exact = is_exact});
      is_exact = is_signal_frame_(&cursor) > 0;
      const int step = step_(&cursor);
      stack.is_truncated = step < 0;
      if (step < 0 && IsTracers(address, walking_.modules)) {
        std::optional<CallerNote> note = FindNote(stack_pointer, walking_.memory);
        stack.is_truncated = note.has_value() || !BeginsInUs(stack);
        return note;
      }
      if (step <= 0) return std::nullopt;
      stack.is_truncated = true;
    }
    return std::nullopt;
  }

  // A thread of the program's starts in a function of ours, behind which there is nothing to see:
  // not a hook, inside of which there is libc alone.
  bool BeginsInUs(const StackRecord& stack) const {
    return std::any_of(stack.frames.begin(), stack.frames.end(), [this](const FrameRecord& frame) {
      const RemoteModule* const module = walking_.modules.Find(frame.address - 1);
      return module != nullptr && !IsTracers(frame.address, walking_.modules) &&
             module->record.path.find(kLibcName) == std::string::npos;
    });
  }

  template <typename Function>
  static bool Load(void* library, const char* name, Function& function) {
    const std::string symbol = std::string("_Ux86_64_") + name;
    void* const address = dlsym(library, symbol.c_str());
    std::memcpy(&function, &address, sizeof(address));
    return address != nullptr;
  }

  Walking walking_;
  unw_addr_space_t space_ = nullptr;
  unw_addr_space_t (*create_)(unw_accessors_t*, int) = nullptr;
  void (*destroy_)(unw_addr_space_t) = nullptr;
  int (*set_caching_)(unw_addr_space_t, unw_caching_policy_t) = nullptr;
  int (*init_)(unw_cursor_t*, unw_addr_space_t, void*) = nullptr;
  int (*step_)(unw_cursor_t*) = nullptr;
  int (*get_)(unw_cursor_t*, unw_regnum_t, unw_word_t*) = nullptr;
  int (*is_signal_frame_)(unw_cursor_t*) = nullptr;
};

RemoteUnwinder::RemoteUnwinder(RemoteMemory& memory, const RemoteModules& modules)
    : library_(std::make_unique<Library>(memory, modules)) {}

RemoteUnwinder::~RemoteUnwinder() = default;

StackRecord RemoteUnwinder::Walk(std::uint64_t stack_pointer, std::uint64_t instruction) {
  return library_->Walk(stack_pointer, instruction);
}

}  // namespace limpet
