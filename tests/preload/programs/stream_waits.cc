// One thread in each of stdio's calls that wait, and in what is made of them; and a close() that
// lingers.

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <ext/stdio_filebuf.h>
#include <ext/stdio_sync_filebuf.h>
#include <istream>

#include "tests/preload/programs/waiter.h"

// What a program that is compiled with _FORTIFY_SOURCE calls.
extern "C" int __fprintf_chk(FILE* stream, int flag, const char* format, ...);
extern "C" int __dprintf_chk(int descriptor, int flag, const char* format, ...);
// What flockfile was to programs that are older.
extern "C" void _IO_flockfile(FILE* stream);

namespace {

char g_fifo[64];
char g_line[64];

// --- Pipes that nobody writes to, or reads from ---

int EmptyPipe() {
  int ends[2];
  Require(pipe(ends) == 0, "a pipe is made");
  return ends[0];
}

int FullPipe() {
  int ends[2];
  char page[4096] = {};
  Require(pipe(ends) == 0, "a pipe is made");
  fcntl(ends[1], F_SETFL, O_NONBLOCK);
  while (write(ends[1], page, sizeof(page)) > 0) continue;
  fcntl(ends[1], F_SETFL, 0);
  return ends[1];
}

FILE* Source() { return fdopen(EmptyPipe(), "r"); }
FILE* Sink() {
  FILE* stream = fdopen(FullPipe(), "w");
  setvbuf(stream, nullptr, _IONBF, 0);
  return stream;
}

// --- Formatted ---

SITE void Printf() { WAIT_IN(stdout, printf("%d %f", 1, 2.5)); }
SITE void Fprintf() {
  FILE* stream = Sink();
  WAIT_IN(stream, fprintf(stream, "%d", 1));
}
SITE void FprintfChecked() {
  FILE* stream = Sink();
  WAIT_IN(stream, __fprintf_chk(stream, 1, "%d", 1));
}
SITE void VfprintfTo(FILE* stream, ...) {
  va_list arguments;
  va_start(arguments, stream);
  WAIT_IN(stream, vfprintf(stream, "%d", arguments));
  va_end(arguments);
}
SITE void Vfprintf() { VfprintfTo(Sink(), 1); }
SITE void Dprintf() {
  int fd = FullPipe();
  WAIT_IN(nullptr, dprintf(fd, "%d", 1));
}
SITE void DprintfChecked() {
  int fd = FullPipe();
  WAIT_IN(nullptr, __dprintf_chk(fd, 1, "%d", 1));
}

int g_number;

SITE void Scanf() { WAIT_IN(stdin, scanf("%d", &g_number)); }
SITE void Fscanf() {
  FILE* stream = Source();
  WAIT_IN(stream, fscanf(stream, "%d", &g_number));
}
SITE void VfscanfFrom(FILE* stream, ...) {
  va_list arguments;
  va_start(arguments, stream);
  WAIT_IN(stream, vfscanf(stream, "%d", arguments));
  va_end(arguments);
}
SITE void Vfscanf() { VfscanfFrom(Source(), &g_number); }

// --- Where the buffer would do, but another thread has the stream ---

FILE* g_held_sink;
FILE* g_held_source;

// By the main thread.
void HoldStreams() {
  int ends[2];
  Require(pipe(ends) == 0 && write(ends[1], "1\n2\n3\n", 6) == 6, "a pipe is made");
  g_held_source = fdopen(ends[0], "r");
  g_held_sink = fdopen(ends[1], "w");
  Require(fgetc(g_held_source) == '1' && fputc('x', g_held_sink) == 'x', "buffers are there");
  flockfile(g_held_source);
  flockfile(g_held_sink);
}

SITE void FputsHeld() { WAIT_IN(g_held_sink, fputs("y", g_held_sink)); }
SITE void FprintfHeld() { WAIT_IN(g_held_sink, fprintf(g_held_sink, "%d", 1)); }
SITE void GetcHeld() { WAIT_IN(g_held_source, fgetc(g_held_source)); }
SITE void FgetsHeld() { WAIT_IN(g_held_source, fgets(g_line, sizeof(g_line), g_held_source)); }

SITE void FlockfileHeld() { WAIT_IN(g_held_sink, flockfile(g_held_sink)); }
SITE void OldFlockfileHeld() { WAIT_IN(g_held_sink, _IO_flockfile(g_held_sink)); }

// --- What goes to another place, or ends with a message ---

// A byte lies in its buffer.
FILE* UnwrittenSink() {
  FILE* stream = fdopen(FullPipe(), "w");
  Require(fputc('x', stream) == 'x', "it is buffered");
  return stream;
}

SITE void Fseek() {
  FILE* stream = UnwrittenSink();
  WAIT_IN(stream, fseek(stream, 0, SEEK_SET));
}
SITE void Fseeko() {
  FILE* stream = UnwrittenSink();
  WAIT_IN(stream, fseeko(stream, 0, SEEK_SET));
}
SITE void Fsetpos() {
  FILE* stream = UnwrittenSink();
  const fpos_t start = {};
  WAIT_IN(stream, fsetpos(stream, &start));
}
SITE void Perror() { WAIT_IN(stderr, perror("nothing is wrong")); }
SITE void Rewind() {
  FILE* stream = UnwrittenSink();
  WAIT_IN(stream, rewind(stream));
}

// --- Without a lock ---

// What getc_unlocked and putc_unlocked call, which are macros.
SITE void Uflow() {
  FILE* stream = Source();
  WAIT_IN(stream, __uflow(stream));
}
SITE void Overflow() {
  FILE* stream = Sink();
  WAIT_IN(stream, __overflow(stream, 'x'));
}
SITE void FgetsUnlocked() {
  FILE* stream = Source();
  WAIT_IN(stream, fgets_unlocked(g_line, sizeof(g_line), stream));
}
SITE void FreadUnlocked() {
  FILE* stream = Source();
  WAIT_IN(stream, fread_unlocked(g_line, 1, 10, stream));
}
SITE void FwriteUnlocked() {
  FILE* stream = Sink();
  WAIT_IN(stream, fwrite_unlocked("x", 1, 1, stream));
}
SITE void FputsUnlocked() {
  FILE* stream = Sink();
  WAIT_IN(stream, fputs_unlocked("x", stream));
}

// --- Opened and closed ---

SITE void Fopen() { WAIT_IN(nullptr, fopen(g_fifo, "r")); }
SITE void Freopen() {
  FILE* stream = Source();
  WAIT_IN(nullptr, freopen(g_fifo, "r", stream));
}

// A socket whose peer reads nothing.
int FullSocket() {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* any = reinterpret_cast<sockaddr*>(&address);
  int server = socket(AF_INET, SOCK_STREAM, 0);
  int client = socket(AF_INET, SOCK_STREAM, 0);
  Require(bind(server, any, size) == 0 && listen(server, 1) == 0, "a server");
  Require(getsockname(server, any, &size) == 0 && connect(client, any, size) == 0, "a connection");
  char page[4096] = {};
  while (send(client, page, sizeof(page), MSG_DONTWAIT) > 0) continue;
  return client;
}

SITE void CloseLingering() {
  int fd = FullSocket();
  linger time = {.l_onoff = 1, .l_linger = 100};
  Require(setsockopt(fd, SOL_SOCKET, SO_LINGER, &time, sizeof(time)) == 0, "it lingers");
  WAIT_IN(fd, close(fd));
}

// --- C++'s streams: as std::cin is, and as a file is ---

// Reads by stdio's calls, from within libstdc++.
void ReadNumber(std::streambuf* buffer, int line) {
  std::istream stream(buffer);
  Announce(line, 0);
  stream >> g_number;
}
SITE void Cin() {
  __gnu_cxx::stdio_sync_filebuf<char> buffer(Source());
  ReadNumber(&buffer, 0);
}
SITE void Ifstream() {
  __gnu_cxx::stdio_filebuf<char> buffer(EmptyPipe(), std::ios::in);
  ReadNumber(&buffer, 0);
}

constexpr Waiter kWaiters[] = {
    {"printf", Printf},
    {"fprintf", Fprintf},
    {"__fprintf_chk", FprintfChecked},
    {"vfprintf", Vfprintf},
    {"dprintf", Dprintf},
    {"__dprintf_chk", DprintfChecked},
    {"scanf", Scanf},
    {"fscanf", Fscanf},
    {"vfscanf", Vfscanf},
    {"fputs_held", FputsHeld},
    {"fprintf_held", FprintfHeld},
    {"fgetc_held", GetcHeld},
    {"fgets_held", FgetsHeld},
    {"flockfile_held", FlockfileHeld},
    {"old_flockfile", OldFlockfileHeld},
    {"fseek", Fseek},
    {"fseeko", Fseeko},
    {"fsetpos", Fsetpos},
    {"rewind", Rewind},
    {"perror", Perror},
    {"__uflow", Uflow},
    {"__overflow", Overflow},
    {"fgets_unlocked", FgetsUnlocked},
    {"fread_unlocked", FreadUnlocked},
    {"fwrite_unlocked", FwriteUnlocked},
    {"fputs_unlocked", FputsUnlocked},
    {"fopen", Fopen},
    {"freopen", Freopen},
    {"close", CloseLingering},
    {"cin", Cin},
    {"ifstream", Ifstream},
};

}  // namespace

int main() {
  StartWatchdog();
  snprintf(g_fifo, sizeof(g_fifo), "/tmp/limpet-streams-%d", getpid());
  Require(mkfifo(g_fifo, 0600) == 0, "a FIFO is made");
  stdout = Sink();  // the test is told by write()
  stderr = Sink();
  stdin = Source();
  HoldStreams();
  StartWaiters(kWaiters);
  Say("ready");
  WaitForTest();
  unlink(g_fifo);
  _exit(0);
}
