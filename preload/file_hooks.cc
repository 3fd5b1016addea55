// Files: opening them (a FIFO waits for its other end, a network for its server), writing them out,
// closing them (a socket lingers, a terminal and a network write out), locks on them, and what
// devices are asked for (a camera's next picture).

#include <fcntl.h>
#include <linux/sockios.h>
#include <signal.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

#include "preload/kernel_call.h"
#include "preload/parked_hook.h"
#include "runtime/dump/own_signal.h"

namespace limpet {

using Bytes = std::size_t;
using Path = const char*;

static Wait FileWait(int descriptor = -1) {
  return {.reason = WaitReason::kFile, .descriptor = descriptor};
}

static Wait LockWait(int descriptor) {
  return {.reason = WaitReason::kFileLock, .descriptor = descriptor};
}

// clang-format off
// The mode that open() was not given is a register, harmless to read and to pass on: the kernel looks
// at it where a file is made, and nowhere else. (A filter of system calls could; libc passes 0.)
#define LIMPET_FILE_CALLS(X) \
  X(Open, "open", SYS_openat, File, Path) \
  X(Open64, "open64", SYS_openat, File, Path) \
  X(Openat, "openat", SYS_openat, File, Other) \
  X(Openat64, "openat64", SYS_openat, File, Other) \
  X(Close, "close", SYS_close, File, Descriptor)

#define LIMPET_FILE_HOOKS(X) \
  X(int, OpenAlias, "__open", (Path path, int flags, mode_t mode), (path, flags, mode), FileWait()) \
  X(int, Open64Alias, "__open64", (Path path, int flags, mode_t mode), (path, flags, mode), FileWait()) \
  X(int, OpenChecked, "__open_2", (Path path, int flags), (path, flags), FileWait()) \
  X(int, Open64Checked, "__open64_2", (Path path, int flags), (path, flags), FileWait()) \
  X(int, OpenatChecked, "__openat_2", (int at, Path path, int flags), (at, path, flags), FileWait()) \
  X(int, Openat64Checked, "__openat64_2", (int at, Path path, int flags), (at, path, flags), FileWait()) \
  X(int, Creat, "creat", (Path path, mode_t mode), (path, mode), FileWait()) \
  X(int, Creat64, "creat64", (Path path, mode_t mode), (path, mode), FileWait()) \
  X(FILE*, Fopen, "fopen", (Path path, Path mode), (path, mode), FileWait()) \
  X(FILE*, Fopen64, "fopen64", (Path path, Path mode), (path, mode), FileWait()) \
  X(FILE*, Freopen, "freopen", (Path path, Path mode, FILE* stream), (path, mode, stream), FileWait()) \
  X(FILE*, Freopen64, "freopen64", (Path path, Path mode, FILE* stream), (path, mode, stream), FileWait()) \
  X(int, CloseAlias, "__close", (int fd), (fd), FileWait(fd)) \
  X(int, Fsync, "fsync", (int fd), (fd), FileWait(fd)) \
  X(int, Fdatasync, "fdatasync", (int fd), (fd), FileWait(fd)) \
  X(int, Syncfs, "syncfs", (int fd), (fd), FileWait(fd)) \
  X(void, Sync, "sync", (), (), FileWait()) \
  X(int, Mlock, "mlock", (const void* at, Bytes n), (at, n), FileWait()) \
  X(int, Mlock2, "mlock2", (const void* at, Bytes n, unsigned flags), (at, n, flags), FileWait()) \
  X(int, Mlockall, "mlockall", (int flags), (flags), FileWait()) \
  X(int, Msync, "msync", (void* at, Bytes n, int flags), (at, n, flags), FileWait()) \
  X(int, SyncFileRange, "sync_file_range", (int fd, off64_t at, off64_t n, unsigned flags), (fd, at, n, flags), FileWait(fd)) \
  X(int, Flock, "flock", (int fd, int operation), (fd, operation), LockWait(fd))
// clang-format on

LIMPET_FILE_CALLS(LIMPET_KERNEL_CALL)
LIMPET_FILE_HOOKS(LIMPET_PARKED_HOOK)

namespace {

using Control = int (*)(int, int, unsigned long);
using ControlDevice = int (*)(int, unsigned long, unsigned long);
using LockFile = int (*)(int, int, off64_t);
NextFunction<Control> g_next_fcntl("fcntl");
NextFunction<Control> g_next_fcntl64("fcntl64");
NextFunction<ControlDevice> g_next_ioctl("ioctl");
NextFunction<LockFile> g_next_lockf("lockf");
NextFunction<LockFile> g_next_lockf64("lockf64");

[[gnu::cold, gnu::noinline]] int ParkedControl(int descriptor, int command, unsigned long lock,
                                               Control next) {
  ParkedCall parked(LockWait(descriptor), sys::CaptureCaller());
  return next(descriptor, command, lock);
}

[[gnu::cold, gnu::noinline]] int ParkedLock(int descriptor, int command, off64_t bytes,
                                            LockFile next) {
  ParkedCall parked(LockWait(descriptor), sys::CaptureCaller());
  return next(descriptor, command, bytes);
}

bool Waits(int command) { return command == F_SETLKW || command == F_OFD_SETLKW; }

// Who owns a socket gets SIGURG for urgent data. The default action lets calls go on that even a
// handler with SA_RESTART interrupts.
void YieldUrgentSignal() {
  if (OwnSignalOf(SIGURG) == OwnSignal::kStack) YieldSignal(OwnSignal::kStack);
}

bool SetsOwner(int command) { return command == F_SETOWN || command == F_SETOWN_EX; }
bool SetsOwnerOfSocket(unsigned long request) {
  return request == FIOSETOWN || request == SIOCSPGRP;
}

}  // namespace

void BindFileHooks() {
  LIMPET_FILE_CALLS(LIMPET_BIND_KERNEL_CALL)
  LIMPET_FILE_HOOKS(LIMPET_BIND_HOOK)
  BindAll(g_next_fcntl, g_next_fcntl64, g_next_ioctl, g_next_lockf, g_next_lockf64);
}

extern "C" {

int HookFcntl(int descriptor, int command, unsigned long word) LIMPET_EXPORT("fcntl");
int HookFcntl64(int descriptor, int command, unsigned long word) LIMPET_EXPORT("fcntl64");
int HookIoctl(int descriptor, unsigned long request, unsigned long word) LIMPET_EXPORT("ioctl");
int HookLockf(int descriptor, int command, off64_t bytes) LIMPET_EXPORT("lockf");
int HookLockf64(int descriptor, int command, off64_t bytes) LIMPET_EXPORT("lockf64");

// All others are passed on by a jump: what the last word is, the command says.
int HookFcntl(int descriptor, int command, unsigned long word) {
  Control next = g_next_fcntl.get();
  if (Waits(command)) [[unlikely]]
    return ParkedControl(descriptor, command, word, next);
  if (SetsOwner(command)) YieldUrgentSignal();
  return next(descriptor, command, word);
}

int HookFcntl64(int descriptor, int command, unsigned long word) {
  Control next = g_next_fcntl64.get();
  if (Waits(command)) [[unlikely]]
    return ParkedControl(descriptor, command, word, next);
  if (SetsOwner(command)) YieldUrgentSignal();
  return next(descriptor, command, word);
}

// Which of its requests wait, each driver knows.
int HookIoctl(int descriptor, unsigned long request, unsigned long word) {
  if (SetsOwnerOfSocket(request)) YieldUrgentSignal();
  ParkedCall parked(FileWait(descriptor), sys::CaptureCaller());
  return g_next_ioctl.get()(descriptor, request, word);
}

int HookLockf(int descriptor, int command, off64_t bytes) {
  LockFile next = g_next_lockf.get();
  return command == F_LOCK ? ParkedLock(descriptor, command, bytes, next)
                           : next(descriptor, command, bytes);
}

int HookLockf64(int descriptor, int command, off64_t bytes) {
  LockFile next = g_next_lockf64.get();
  return command == F_LOCK ? ParkedLock(descriptor, command, bytes, next)
                           : next(descriptor, command, bytes);
}

}  // extern "C"

}  // namespace limpet
