// stdio. Its functions take from and put into a buffer, and only where that does not do they come
// to the kernel, by calls that no hook sees. A look at the buffer is a few instructions.
//
// Those without a lock are also macros of the program's, which call __uflow and __overflow where
// the buffer does not do.

#include <string.h>
#include <sys/types.h>

#include "preload/export.h"
#include "preload/next_symbol.h"
#include "preload/stream_wait.h"

namespace limpet {

using Bytes = std::size_t;

// Of nothing libc says so before it looks at the stream, which may be none.
static bool HoldsBytes(const FILE* stream, Bytes size, Bytes count) {
  Bytes bytes = 0;
  if (__builtin_mul_overflow(size, count, &bytes)) return false;
  return bytes == 0 || bytes <= BytesToRead(stream);
}

static bool HoldsByte(const FILE* stream) { return BytesToRead(stream) != 0; }

constexpr Bytes kAnyRoom = ~Bytes{0};

static bool HoldsDelimitedUnlocked(const FILE* stream, int end, Bytes room = kAnyRoom) {
  Bytes bytes = BytesToRead(stream);
  if (bytes > room) bytes = room;
  return bytes == room || (bytes != 0 && memchr(stream->_IO_read_ptr, end, bytes) != nullptr);
}

// What lies in the buffer is read only under its lock: without, another thread might have it freed.
static bool HoldsDelimited(FILE* stream, int end, Bytes room = kAnyRoom) {
  if (ftrylockfile(stream) != 0) return false;
  bool holds = HoldsDelimitedUnlocked(stream, end, room);
  funlockfile(stream);
  return holds;
}

static bool HoldsLineUnlocked(const FILE* stream, int room) {
  return room <= 1 || HoldsDelimitedUnlocked(stream, '\n', static_cast<Bytes>(room) - 1);
}

static bool HoldsLine(FILE* stream, int room) {
  return room <= 1 || HoldsDelimited(stream, '\n', static_cast<Bytes>(room) - 1);
}

static bool HasRoomFor(const FILE* stream, Bytes size, Bytes count = 1) {
  Bytes bytes = 0;
  if (__builtin_mul_overflow(size, count, &bytes)) return false;
  return bytes == 0 || bytes <= RoomToWrite(stream);
}

// A line is: result, our name, libc's, parameters, arguments, the stream, and whether its buffer
// does. Where it does not, the caller is the program's still: the cold function is jumped to.
// NOLINTBEGIN(bugprone-macro-parentheses): a type is no expression
#define LIMPET_STREAM_HOOK(reason, result, name, symbol, parameters, arguments, stream, \
                           buffer_does)                                                 \
  static constinit NextFunction<result(*) parameters> g_next##name(symbol);             \
  [[gnu::cold, gnu::noinline]] static result Parked##name parameters {                  \
    ParkedCall parked(StreamWait(reason, stream), sys::CaptureCaller());                \
    return g_next##name.get() arguments;                                                \
  }                                                                                     \
  extern "C" result Hook##name parameters LIMPET_EXPORT(symbol);                        \
  extern "C" result Hook##name parameters {                                             \
    return (buffer_does) ? g_next##name.get() arguments : Parked##name arguments;       \
  }
// NOLINTEND(bugprone-macro-parentheses)
#define LIMPET_STREAM_READ_HOOK(...) LIMPET_STREAM_HOOK(WaitReason::kStreamRead, __VA_ARGS__)
#define LIMPET_STREAM_WRITE_HOOK(...) LIMPET_STREAM_HOOK(WaitReason::kStreamWrite, __VA_ARGS__)
#define LIMPET_BIND_STREAM_HOOK(result, name, ...) g_next##name.Bind();

// clang-format off
#define LIMPET_STREAM_INPUT_HOOKS(X) \
  X(Bytes, Fread, "fread", (void* to, Bytes size, Bytes n, FILE* s), (to, size, n, s), s, HoldsBytes(s, size, n)) \
  X(Bytes, FreadChecked, "__fread_chk", (void* to, Bytes room, Bytes size, Bytes n, FILE* s), (to, room, size, n, s), s, HoldsBytes(s, size, n)) \
  X(Bytes, FreadUnlocked, "fread_unlocked", (void* to, Bytes size, Bytes n, FILE* s), (to, size, n, s), s, HoldsBytes(s, size, n)) \
  X(Bytes, FreadUnlockedChecked, "__fread_unlocked_chk", (void* to, Bytes room, Bytes size, Bytes n, FILE* s), (to, room, size, n, s), s, HoldsBytes(s, size, n)) \
  X(char*, Fgets, "fgets", (char* line, int room, FILE* s), (line, room, s), s, HoldsLine(s, room)) \
  X(char*, FgetsChecked, "__fgets_chk", (char* line, Bytes most, int room, FILE* s), (line, most, room, s), s, HoldsLine(s, room)) \
  X(char*, FgetsUnlocked, "fgets_unlocked", (char* line, int room, FILE* s), (line, room, s), s, HoldsLineUnlocked(s, room)) \
  X(char*, FgetsUnlockedChecked, "__fgets_unlocked_chk", (char* line, Bytes most, int room, FILE* s), (line, most, room, s), s, HoldsLineUnlocked(s, room)) \
  X(int, Fgetc, "fgetc", (FILE* s), (s), s, HoldsByte(s)) \
  X(int, Getc, "getc", (FILE* s), (s), s, HoldsByte(s)) \
  X(int, GetcAlias, "_IO_getc", (FILE* s), (s), s, HoldsByte(s)) \
  X(int, Getchar, "getchar", (), (), stdin, HoldsByte(stdin)) \
  X(int, FgetcUnlocked, "fgetc_unlocked", (FILE* s), (s), s, HoldsByte(s)) \
  X(int, GetcUnlocked, "getc_unlocked", (FILE* s), (s), s, HoldsByte(s)) \
  X(int, GetcharUnlocked, "getchar_unlocked", (), (), stdin, HoldsByte(stdin)) \
  X(int, Uflow, "__uflow", (FILE* s), (s), s, false) \
  X(ssize_t, Getline, "getline", (char** line, Bytes* room, FILE* s), (line, room, s), s, HoldsDelimited(s, '\n')) \
  X(ssize_t, Getdelim, "getdelim", (char** line, Bytes* room, int end, FILE* s), (line, room, end, s), s, HoldsDelimited(s, end)) \
  X(ssize_t, GetdelimAlias, "__getdelim", (char** line, Bytes* room, int end, FILE* s), (line, room, end, s), s, HoldsDelimited(s, end))

#define LIMPET_STREAM_OUTPUT_HOOKS(X) \
  X(Bytes, Fwrite, "fwrite", (const void* from, Bytes size, Bytes n, FILE* s), (from, size, n, s), s, HasRoomFor(s, size, n)) \
  X(Bytes, FwriteUnlocked, "fwrite_unlocked", (const void* from, Bytes size, Bytes n, FILE* s), (from, size, n, s), s, HasRoomFor(s, size, n)) \
  X(int, Fputs, "fputs", (const char* text, FILE* s), (text, s), s, HasRoomFor(s, strlen(text))) \
  X(int, FputsUnlocked, "fputs_unlocked", (const char* text, FILE* s), (text, s), s, HasRoomFor(s, strlen(text))) \
  X(int, Puts, "puts", (const char* text), (text), stdout, HasRoomFor(stdout, strlen(text) + 1)) \
  X(int, Fputc, "fputc", (int byte, FILE* s), (byte, s), s, HasRoomFor(s, 1)) \
  X(int, Putc, "putc", (int byte, FILE* s), (byte, s), s, HasRoomFor(s, 1)) \
  X(int, PutcAlias, "_IO_putc", (int byte, FILE* s), (byte, s), s, HasRoomFor(s, 1)) \
  X(int, Putchar, "putchar", (int byte), (byte), stdout, HasRoomFor(stdout, 1)) \
  X(int, FputcUnlocked, "fputc_unlocked", (int byte, FILE* s), (byte, s), s, HasRoomFor(s, 1)) \
  X(int, PutcUnlocked, "putc_unlocked", (int byte, FILE* s), (byte, s), s, HasRoomFor(s, 1)) \
  X(int, PutcharUnlocked, "putchar_unlocked", (int byte), (byte), stdout, HasRoomFor(stdout, 1)) \
  X(int, Overflow, "__overflow", (FILE* s, int byte), (s, byte), s, false) \
  X(int, Fflush, "fflush", (FILE* s), (s), s, false) \
  X(int, FflushUnlocked, "fflush_unlocked", (FILE* s), (s), s, false) \
  X(int, Fclose, "fclose", (FILE* s), (s), s, false) \
  X(int, Fseek, "fseek", (FILE* s, long to, int from), (s, to, from), s, IsWritten(s)) \
  X(int, Fseeko, "fseeko", (FILE* s, off64_t to, int from), (s, to, from), s, IsWritten(s)) \
  X(int, Fseeko64, "fseeko64", (FILE* s, off64_t to, int from), (s, to, from), s, IsWritten(s)) \
  X(int, Fsetpos, "fsetpos", (FILE* s, const void* to), (s, to), s, IsWritten(s)) \
  X(int, Fsetpos64, "fsetpos64", (FILE* s, const void* to), (s, to), s, IsWritten(s)) \
  X(void, Rewind, "rewind", (FILE* s), (s), s, IsWritten(s)) \
  X(void, Perror, "perror", (const char* text), (text), stderr, false) \
  X(void, Flockfile, "flockfile", (FILE* s), (s), s, !IsHeldByAnother(s)) \
  X(void, FlockfileAlias, "_IO_flockfile", (FILE* s), (s), s, !IsHeldByAnother(s))
// clang-format on

LIMPET_STREAM_INPUT_HOOKS(LIMPET_STREAM_READ_HOOK)
LIMPET_STREAM_OUTPUT_HOOKS(LIMPET_STREAM_WRITE_HOOK)

void BindStreamHooks() {
  LIMPET_STREAM_INPUT_HOOKS(LIMPET_BIND_STREAM_HOOK)
  LIMPET_STREAM_OUTPUT_HOOKS(LIMPET_BIND_STREAM_HOOK)
}

}  // namespace limpet
