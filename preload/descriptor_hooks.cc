// Input and output by descriptors. Whether one can block is the kernel's to know, and asking costs
// as much as the call: all of them say so while they are under way.

#include <sys/types.h>
#include <sys/uio.h>

#include "preload/kernel_call.h"
#include "preload/parked_hook.h"
#include "preload/wait_timeout.h"

namespace limpet {

using Bytes = std::size_t;
using Buffers = const iovec*;
using Offset = off64_t;

static Wait WaitAt(WaitReason reason, int descriptor, std::uint64_t timeout_ns = kNoTimeout) {
  return {.reason = reason, .descriptor = descriptor, .timeout_ns = timeout_ns};
}

// clang-format off
// What servers do all the time, and libc leaves to the kernel as it is.
#define LIMPET_KERNEL_CALLS(X) \
  X(Read, "read", SYS_read, Read, Descriptor) \
  X(ReadAlias, "__read", SYS_read, Read, Descriptor) \
  X(Readv, "readv", SYS_readv, Read, Descriptor) \
  X(Pread, "pread", SYS_pread64, Read, Descriptor) \
  X(Pread64, "pread64", SYS_pread64, Read, Descriptor) \
  X(Write, "write", SYS_write, Write, Descriptor) \
  X(WriteAlias, "__write", SYS_write, Write, Descriptor) \
  X(Writev, "writev", SYS_writev, Write, Descriptor) \
  X(Pwrite, "pwrite", SYS_pwrite64, Write, Descriptor) \
  X(Pwrite64, "pwrite64", SYS_pwrite64, Write, Descriptor) \
  X(Recv, "recv", SYS_recvfrom, Receive, Descriptor) \
  X(Recvmsg, "recvmsg", SYS_recvmsg, Receive, Descriptor) \
  X(Send, "send", SYS_sendto, Send, Descriptor) \
  X(Sendmsg, "sendmsg", SYS_sendmsg, Send, Descriptor) \
  X(Accept, "accept", SYS_accept, Accept, Descriptor) \
  X(Accept4, "accept4", SYS_accept4, Accept, Descriptor) \
  X(Sendfile, "sendfile", SYS_sendfile, Transfer, Descriptor) \
  X(Sendfile64, "sendfile64", SYS_sendfile, Transfer, Descriptor)

#define LIMPET_PLAIN_HOOKS(X) \
  X(ssize_t, Recvfrom, "recvfrom", (int fd, void* to, Bytes n, int flags, void* peer, unsigned* size), (fd, to, n, flags, peer, size), WaitAt(WaitReason::kReceive, fd), (SYS_recvfrom, fd, to, n, flags, peer, size)) \
  X(ssize_t, Sendto, "sendto", (int fd, const void* from, Bytes n, int flags, const void* peer, unsigned size), (fd, from, n, flags, peer, size), WaitAt(WaitReason::kSend, fd), (SYS_sendto, fd, from, n, flags, peer, size))

#define LIMPET_INPUT_HOOKS(X) \
  X(ssize_t, ReadChecked, "__read_chk", (int fd, void* to, Bytes n, Bytes room), (fd, to, n, room), WaitAt(WaitReason::kRead, fd)) \
  X(ssize_t, Pread64Alias, "__pread64", (int fd, void* to, Bytes n, Offset at), (fd, to, n, at), WaitAt(WaitReason::kRead, fd)) \
  X(ssize_t, PreadChecked, "__pread_chk", (int fd, void* to, Bytes n, Offset at, Bytes room), (fd, to, n, at, room), WaitAt(WaitReason::kRead, fd)) \
  X(ssize_t, Pread64Checked, "__pread64_chk", (int fd, void* to, Bytes n, Offset at, Bytes room), (fd, to, n, at, room), WaitAt(WaitReason::kRead, fd)) \
  X(ssize_t, Preadv, "preadv", (int fd, Buffers to, int n, Offset at), (fd, to, n, at), WaitAt(WaitReason::kRead, fd)) \
  X(ssize_t, Preadv64, "preadv64", (int fd, Buffers to, int n, Offset at), (fd, to, n, at), WaitAt(WaitReason::kRead, fd)) \
  X(ssize_t, Preadv2, "preadv2", (int fd, Buffers to, int n, Offset at, int flags), (fd, to, n, at, flags), WaitAt(WaitReason::kRead, fd)) \
  X(ssize_t, Preadv64v2, "preadv64v2", (int fd, Buffers to, int n, Offset at, int flags), (fd, to, n, at, flags), WaitAt(WaitReason::kRead, fd))

#define LIMPET_OUTPUT_HOOKS(X) \
  X(ssize_t, Pwrite64Alias, "__pwrite64", (int fd, const void* from, Bytes n, Offset at), (fd, from, n, at), WaitAt(WaitReason::kWrite, fd)) \
  X(ssize_t, Pwritev, "pwritev", (int fd, Buffers from, int n, Offset at), (fd, from, n, at), WaitAt(WaitReason::kWrite, fd)) \
  X(ssize_t, Pwritev64, "pwritev64", (int fd, Buffers from, int n, Offset at), (fd, from, n, at), WaitAt(WaitReason::kWrite, fd)) \
  X(ssize_t, Pwritev2, "pwritev2", (int fd, Buffers from, int n, Offset at, int flags), (fd, from, n, at, flags), WaitAt(WaitReason::kWrite, fd)) \
  X(ssize_t, Pwritev64v2, "pwritev64v2", (int fd, Buffers from, int n, Offset at, int flags), (fd, from, n, at, flags), WaitAt(WaitReason::kWrite, fd)) \
  X(int, Tcdrain, "tcdrain", (int fd), (fd), WaitAt(WaitReason::kWrite, fd))

// Addresses of sockets and messages are only passed on.
#define LIMPET_SOCKET_HOOKS(X) \
  X(ssize_t, RecvChecked, "__recv_chk", (int fd, void* to, Bytes n, Bytes room, int flags), (fd, to, n, room, flags), WaitAt(WaitReason::kReceive, fd)) \
  X(ssize_t, RecvfromChecked, "__recvfrom_chk", (int fd, void* to, Bytes n, Bytes room, int flags, void* peer, unsigned* size), (fd, to, n, room, flags, peer, size), WaitAt(WaitReason::kReceive, fd)) \
  X(int, Recvmmsg, "recvmmsg", (int fd, void* messages, unsigned n, int flags, timespec* time), (fd, messages, n, flags, time), WaitAt(WaitReason::kReceive, fd, PassedTimeoutOf(time))) \
  X(ssize_t, SendAlias, "__send", (int fd, const void* from, Bytes n, int flags), (fd, from, n, flags), WaitAt(WaitReason::kSend, fd)) \
  X(int, Sendmmsg, "sendmmsg", (int fd, void* messages, unsigned n, int flags), (fd, messages, n, flags), WaitAt(WaitReason::kSend, fd)) \
  X(int, Connect, "connect", (int fd, const void* peer, unsigned size), (fd, peer, size), WaitAt(WaitReason::kConnect, fd)) \
  X(int, ConnectAlias, "__connect", (int fd, const void* peer, unsigned size), (fd, peer, size), WaitAt(WaitReason::kConnect, fd))

// The descriptor is the one that is written to.
#define LIMPET_TRANSFER_HOOKS(X) \
  X(ssize_t, Splice, "splice", (int in, Offset* from, int out, Offset* to, Bytes n, unsigned flags), (in, from, out, to, n, flags), WaitAt(WaitReason::kTransfer, out)) \
  X(ssize_t, Tee, "tee", (int in, int out, Bytes n, unsigned flags), (in, out, n, flags), WaitAt(WaitReason::kTransfer, out)) \
  X(ssize_t, Vmsplice, "vmsplice", (int fd, Buffers from, Bytes n, unsigned flags), (fd, from, n, flags), WaitAt(WaitReason::kTransfer, fd)) \
  X(ssize_t, CopyFileRange, "copy_file_range", (int in, Offset* from, int out, Offset* to, Bytes n, unsigned flags), (in, from, out, to, n, flags), WaitAt(WaitReason::kTransfer, out))
// clang-format on

LIMPET_KERNEL_CALLS(LIMPET_KERNEL_CALL)
LIMPET_PLAIN_HOOKS(LIMPET_KERNEL_HOOK)
LIMPET_INPUT_HOOKS(LIMPET_PARKED_HOOK)
LIMPET_OUTPUT_HOOKS(LIMPET_PARKED_HOOK)
LIMPET_SOCKET_HOOKS(LIMPET_PARKED_HOOK)
LIMPET_TRANSFER_HOOKS(LIMPET_PARKED_HOOK)

void BindDescriptorHooks() {
  LIMPET_KERNEL_CALLS(LIMPET_BIND_KERNEL_CALL)
  LIMPET_PLAIN_HOOKS(LIMPET_BIND_HOOK)
  LIMPET_INPUT_HOOKS(LIMPET_BIND_HOOK)
  LIMPET_OUTPUT_HOOKS(LIMPET_BIND_HOOK)
  LIMPET_SOCKET_HOOKS(LIMPET_BIND_HOOK)
  LIMPET_TRANSFER_HOOKS(LIMPET_BIND_HOOK)
}

}  // namespace limpet
