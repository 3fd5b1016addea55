// stdio. Its functions take from and put into a buffer, and only where that does not do they come
// to the kernel, by calls that no hook sees. A look at the buffer is a few instructions.
//
// printf, scanf and their relatives are not hooked: their arguments cannot be passed on.

#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include "preload/export.h"
#include "preload/next_symbol.h"
#include "preload/parked_call.h"

namespace limpet {
namespace {

#define LIMPET_COLD [[gnu::cold, gnu::noinline]]

using Bytes = std::size_t;

NextFunction<Bytes (*)(void*, Bytes, Bytes, FILE*)> g_next_fread("fread");
NextFunction<Bytes (*)(void*, Bytes, Bytes, Bytes, FILE*)> g_next_fread_chk("__fread_chk");
NextFunction<char* (*)(char*, int, FILE*)> g_next_fgets("fgets");
NextFunction<char* (*)(char*, Bytes, int, FILE*)> g_next_fgets_chk("__fgets_chk");
NextFunction<int (*)(FILE*)> g_next_fgetc("fgetc");
NextFunction<ssize_t (*)(char**, Bytes*, FILE*)> g_next_getline("getline");
NextFunction<ssize_t (*)(char**, Bytes*, int, FILE*)> g_next_getdelim("getdelim");
NextFunction<Bytes (*)(const void*, Bytes, Bytes, FILE*)> g_next_fwrite("fwrite");
NextFunction<int (*)(const char*, FILE*)> g_next_fputs("fputs");
NextFunction<int (*)(const char*)> g_next_puts("puts");
NextFunction<int (*)(int, FILE*)> g_next_fputc("fputc");
NextFunction<int (*)(FILE*)> g_next_fflush("fflush");
NextFunction<int (*)(FILE*)> g_next_fclose("fclose");

Bytes BytesToRead(const FILE* stream) {
  return stream->_IO_read_ptr < stream->_IO_read_end
             ? static_cast<Bytes>(stream->_IO_read_end - stream->_IO_read_ptr)
             : 0;
}

// None where each line, or each byte, is written at once.
Bytes RoomToWrite(const FILE* stream) {
  return stream->_IO_write_ptr < stream->_IO_write_end
             ? static_cast<Bytes>(stream->_IO_write_end - stream->_IO_write_ptr)
             : 0;
}

bool HoldsLine(const FILE* stream, Bytes room, int end) {
  Bytes bytes = BytesToRead(stream);
  if (bytes > room) bytes = room;
  return bytes == room || (bytes != 0 && memchr(stream->_IO_read_ptr, end, bytes) != nullptr);
}

Wait StreamWait(const FILE* stream) {
  bool is_one = stream != nullptr;  // fflush(nullptr): all of them
  return {.reason = WaitReason::kStream,
          .descriptor = is_one ? stream->_fileno : -1,
          .object = AddressOf(stream),
          .is_composite = true};
}

template <class Function, class... Arguments>
[[gnu::always_inline]] inline auto Parked(NextFunction<Function>& next, const FILE* stream,
                                          const sys::CallerFrame& caller, Arguments... arguments) {
  ParkedCall parked(StreamWait(stream), caller);
  return next.get()(arguments...);
}

}  // namespace

void BindStreamHooks() {
  BindAll(g_next_fread, g_next_fread_chk, g_next_fgets, g_next_fgets_chk, g_next_fgetc,
          g_next_getline, g_next_getdelim, g_next_fwrite, g_next_fputs, g_next_puts, g_next_fputc,
          g_next_fflush, g_next_fclose);
}

namespace {

LIMPET_COLD int ParkedGetc(FILE* stream) {
  return Parked(g_next_fgetc, stream, sys::CaptureCaller(), stream);
}
LIMPET_COLD int ParkedPutc(int byte, FILE* stream) {
  return Parked(g_next_fputc, stream, sys::CaptureCaller(), byte, stream);
}
LIMPET_COLD Bytes ParkedRead(void* to, Bytes size, Bytes count, FILE* stream) {
  return Parked(g_next_fread, stream, sys::CaptureCaller(), to, size, count, stream);
}
LIMPET_COLD Bytes ParkedWrite(const void* from, Bytes size, Bytes count, FILE* stream) {
  return Parked(g_next_fwrite, stream, sys::CaptureCaller(), from, size, count, stream);
}
LIMPET_COLD int ParkedPuts(const char* text, FILE* stream) {
  return Parked(g_next_fputs, stream, sys::CaptureCaller(), text, stream);
}
LIMPET_COLD int ParkedPutLine(const char* text) {
  return Parked(g_next_puts, stdout, sys::CaptureCaller(), text);
}
LIMPET_COLD char* ParkedGets(char* line, int room, FILE* stream) {
  return Parked(g_next_fgets, stream, sys::CaptureCaller(), line, room, stream);
}
LIMPET_COLD ssize_t ParkedGetline(char** line, Bytes* room, FILE* stream) {
  return Parked(g_next_getline, stream, sys::CaptureCaller(), line, room, stream);
}
LIMPET_COLD ssize_t ParkedGetdelim(char** line, Bytes* room, int end, FILE* stream) {
  return Parked(g_next_getdelim, stream, sys::CaptureCaller(), line, room, end, stream);
}

int Getc(FILE* stream) {
  return BytesToRead(stream) != 0 ? g_next_fgetc.get()(stream) : ParkedGetc(stream);
}
int Putc(int byte, FILE* stream) {
  return RoomToWrite(stream) != 0 ? g_next_fputc.get()(byte, stream) : ParkedPutc(byte, stream);
}

}  // namespace

extern "C" {

Bytes HookFread(void* to, Bytes size, Bytes count, FILE* stream) LIMPET_EXPORT("fread");
Bytes HookFreadChecked(void* to, Bytes room, Bytes size, Bytes count, FILE* stream)
    LIMPET_EXPORT("__fread_chk");
char* HookFgets(char* line, int room, FILE* stream) LIMPET_EXPORT("fgets");
char* HookFgetsChecked(char* line, Bytes most, int room, FILE* stream) LIMPET_EXPORT("__fgets_chk");
int HookFgetc(FILE* stream) LIMPET_EXPORT("fgetc");
int HookGetc(FILE* stream) LIMPET_EXPORT("getc");
int HookGetcAlias(FILE* stream) LIMPET_EXPORT("_IO_getc");
int HookGetchar() LIMPET_EXPORT("getchar");
ssize_t HookGetline(char** line, Bytes* room, FILE* stream) LIMPET_EXPORT("getline");
ssize_t HookGetdelim(char** line, Bytes* room, int end, FILE* stream) LIMPET_EXPORT("getdelim");
ssize_t HookGetdelimAlias(char** line, Bytes* room, int end, FILE* stream)
    LIMPET_EXPORT("__getdelim");
Bytes HookFwrite(const void* from, Bytes size, Bytes count, FILE* stream) LIMPET_EXPORT("fwrite");
int HookFputs(const char* text, FILE* stream) LIMPET_EXPORT("fputs");
int HookPuts(const char* text) LIMPET_EXPORT("puts");
int HookFputc(int byte, FILE* stream) LIMPET_EXPORT("fputc");
int HookPutc(int byte, FILE* stream) LIMPET_EXPORT("putc");
int HookPutchar(int byte) LIMPET_EXPORT("putchar");
int HookFflush(FILE* stream) LIMPET_EXPORT("fflush");
int HookFclose(FILE* stream) LIMPET_EXPORT("fclose");

Bytes HookFread(void* to, Bytes size, Bytes count, FILE* stream) {
  Bytes bytes = 0;
  bool is_here = !__builtin_mul_overflow(size, count, &bytes) && bytes <= BytesToRead(stream);
  return is_here ? g_next_fread.get()(to, size, count, stream)
                 : ParkedRead(to, size, count, stream);
}

Bytes HookFreadChecked(void* to, Bytes room, Bytes size, Bytes count, FILE* stream) {
  return Parked(g_next_fread_chk, stream, sys::CaptureCaller(), to, room, size, count, stream);
}

char* HookFgets(char* line, int room, FILE* stream) {
  bool is_here = room <= 1 || HoldsLine(stream, static_cast<Bytes>(room) - 1, '\n');
  return is_here ? g_next_fgets.get()(line, room, stream) : ParkedGets(line, room, stream);
}

char* HookFgetsChecked(char* line, Bytes most, int room, FILE* stream) {
  return Parked(g_next_fgets_chk, stream, sys::CaptureCaller(), line, most, room, stream);
}

int HookFgetc(FILE* stream) { return Getc(stream); }
int HookGetc(FILE* stream) { return Getc(stream); }
int HookGetcAlias(FILE* stream) { return Getc(stream); }
int HookGetchar() { return Getc(stdin); }

ssize_t HookGetline(char** line, Bytes* room, FILE* stream) {
  return HoldsLine(stream, ~Bytes{0}, '\n') ? g_next_getline.get()(line, room, stream)
                                            : ParkedGetline(line, room, stream);
}

ssize_t HookGetdelim(char** line, Bytes* room, int end, FILE* stream) {
  return HoldsLine(stream, ~Bytes{0}, end) ? g_next_getdelim.get()(line, room, end, stream)
                                           : ParkedGetdelim(line, room, end, stream);
}

ssize_t HookGetdelimAlias(char** line, Bytes* room, int end, FILE* stream) {
  return HoldsLine(stream, ~Bytes{0}, end) ? g_next_getdelim.get()(line, room, end, stream)
                                           : ParkedGetdelim(line, room, end, stream);
}

Bytes HookFwrite(const void* from, Bytes size, Bytes count, FILE* stream) {
  Bytes bytes = 0;
  bool fits = !__builtin_mul_overflow(size, count, &bytes) && bytes <= RoomToWrite(stream);
  return fits ? g_next_fwrite.get()(from, size, count, stream)
              : ParkedWrite(from, size, count, stream);
}

int HookFputs(const char* text, FILE* stream) {
  bool fits = strlen(text) <= RoomToWrite(stream);
  return fits ? g_next_fputs.get()(text, stream) : ParkedPuts(text, stream);
}

int HookPuts(const char* text) {
  bool fits = strlen(text) < RoomToWrite(stdout);
  return fits ? g_next_puts.get()(text) : ParkedPutLine(text);
}

int HookFputc(int byte, FILE* stream) { return Putc(byte, stream); }
int HookPutc(int byte, FILE* stream) { return Putc(byte, stream); }
int HookPutchar(int byte) { return Putc(byte, stdout); }

int HookFflush(FILE* stream) { return Parked(g_next_fflush, stream, sys::CaptureCaller(), stream); }

int HookFclose(FILE* stream) { return Parked(g_next_fclose, stream, sys::CaptureCaller(), stream); }

}  // extern "C"

}  // namespace limpet
