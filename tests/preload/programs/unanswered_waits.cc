// One thread in each of some calls that are left to a listener of system calls who says nothing: so
// they wait without a device, a slow file system, or a server of names that is down.

#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netdb.h>
#include <pwd.h>
#include <shadow.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <termios.h>

#include "tests/preload/programs/own_system_call.h"
#include "tests/preload/programs/waiter.h"

namespace {

constexpr int kDescriptor = 3;

// For this thread alone, by calls that no hook sees: it is no sandbox.
void LeaveUnanswered(unsigned number) {
  sock_filter steps[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog filter = {4, steps};
  Require(OwnSystemCall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1) == 0, "there is no way to more");
  long listener = OwnSystemCall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                SECCOMP_FILTER_FLAG_NEW_LISTENER, reinterpret_cast<long>(&filter));
  Require(listener >= 0, "somebody listens");
}

template <unsigned kNumber, void (*kWait)()>
void Unanswered() {
  LeaveUnanswered(kNumber);
  kWait();
}

alignas(4096) char g_page[4096];
char g_room[1024];
passwd g_user;
group g_group;

SITE void Ioctl() { WAIT_IN(nullptr, ioctl(kDescriptor, FIONREAD, g_page)); }
SITE void Mlock() { WAIT_IN(nullptr, mlock(g_page, sizeof(g_page))); }
SITE void Mlock2() { WAIT_IN(nullptr, mlock2(g_page, sizeof(g_page), MLOCK_ONFAULT)); }
SITE void Mlockall() { WAIT_IN(nullptr, mlockall(MCL_CURRENT)); }
SITE void Msync() { WAIT_IN(nullptr, msync(g_page, sizeof(g_page), MS_SYNC)); }
SITE void Fsync() { WAIT_IN(nullptr, fsync(kDescriptor)); }
SITE void Fdatasync() { WAIT_IN(nullptr, fdatasync(kDescriptor)); }
SITE void Syncfs() { WAIT_IN(nullptr, syncfs(kDescriptor)); }
SITE void SyncFileRange() { WAIT_IN(nullptr, sync_file_range(kDescriptor, 0, 0, 0)); }
SITE void Sync() { WAIT_IN(nullptr, sync()); }
SITE void Close() { WAIT_IN(nullptr, close(kDescriptor)); }
SITE void Openat() { WAIT_IN(nullptr, openat(AT_FDCWD, "/dev/null", O_RDONLY)); }
SITE void Tcdrain() { WAIT_IN(nullptr, tcdrain(kDescriptor)); }
SITE void Tee() { WAIT_IN(nullptr, tee(kDescriptor, kDescriptor, 1, 0)); }
SITE void Vmsplice() {
  iovec part = {g_page, 1};
  WAIT_IN(nullptr, vmsplice(kDescriptor, &part, 1, 0));
}

SITE void Getpwnam() { WAIT_IN(nullptr, getpwnam("nobody")); }
SITE void GetpwnamR() {
  passwd* found = nullptr;
  WAIT_IN(nullptr, getpwnam_r("nobody", &g_user, g_room, sizeof(g_room), &found));
}
SITE void Getpwuid() { WAIT_IN(nullptr, getpwuid(65534)); }
SITE void GetpwuidR() {
  passwd* found = nullptr;
  WAIT_IN(nullptr, getpwuid_r(65534, &g_user, g_room, sizeof(g_room), &found));
}
SITE void Getpwent() { WAIT_IN(nullptr, getpwent()); }
SITE void Getgrnam() { WAIT_IN(nullptr, getgrnam("nogroup")); }
SITE void GetgrnamR() {
  group* found = nullptr;
  WAIT_IN(nullptr, getgrnam_r("nogroup", &g_group, g_room, sizeof(g_room), &found));
}
SITE void Getgrgid() { WAIT_IN(nullptr, getgrgid(65534)); }
SITE void GetgrgidR() {
  group* found = nullptr;
  WAIT_IN(nullptr, getgrgid_r(65534, &g_group, g_room, sizeof(g_room), &found));
}
SITE void Getgrent() { WAIT_IN(nullptr, getgrent()); }
SITE void Getgrouplist() {
  gid_t groups[8];
  int count = 8;
  WAIT_IN(nullptr, getgrouplist("nobody", 65534, groups, &count));
}
SITE void Initgroups() { WAIT_IN(nullptr, initgroups("nobody", 65534)); }
SITE void Getspnam() { WAIT_IN(nullptr, getspnam("nobody")); }
SITE void GetspnamR() {
  spwd entry;
  spwd* found = nullptr;
  WAIT_IN(nullptr, getspnam_r("nobody", &entry, g_room, sizeof(g_room), &found));
}

constexpr Waiter kWaiters[] = {
    {"ioctl", Unanswered<SYS_ioctl, Ioctl>},
    {"mlock", Unanswered<SYS_mlock, Mlock>},
    {"mlock2", Unanswered<SYS_mlock2, Mlock2>},
    {"mlockall", Unanswered<SYS_mlockall, Mlockall>},
    {"msync", Unanswered<SYS_msync, Msync>},
    {"fsync", Unanswered<SYS_fsync, Fsync>},
    {"fdatasync", Unanswered<SYS_fdatasync, Fdatasync>},
    {"syncfs", Unanswered<SYS_syncfs, Syncfs>},
    {"sync_file_range", Unanswered<SYS_sync_file_range, SyncFileRange>},
    {"sync", Unanswered<SYS_sync, Sync>},
    {"close", Unanswered<SYS_close, Close>},
    {"openat", Unanswered<SYS_openat, Openat>},
    {"tcdrain", Unanswered<SYS_ioctl, Tcdrain>},
    {"tee", Unanswered<SYS_tee, Tee>},
    {"vmsplice", Unanswered<SYS_vmsplice, Vmsplice>},
    {"getpwnam", Unanswered<SYS_openat, Getpwnam>},
    {"getpwnam_r", Unanswered<SYS_openat, GetpwnamR>},
    {"getpwuid", Unanswered<SYS_openat, Getpwuid>},
    {"getpwuid_r", Unanswered<SYS_openat, GetpwuidR>},
    {"getpwent", Unanswered<SYS_openat, Getpwent>},
    {"getgrnam", Unanswered<SYS_openat, Getgrnam>},
    {"getgrnam_r", Unanswered<SYS_openat, GetgrnamR>},
    {"getgrgid", Unanswered<SYS_openat, Getgrgid>},
    {"getgrgid_r", Unanswered<SYS_openat, GetgrgidR>},
    {"getgrent", Unanswered<SYS_openat, Getgrent>},
    {"getgrouplist", Unanswered<SYS_openat, Getgrouplist>},
    {"initgroups", Unanswered<SYS_openat, Initgroups>},
    {"getspnam", Unanswered<SYS_openat, Getspnam>},
    {"getspnam_r", Unanswered<SYS_openat, GetspnamR>},
};

}  // namespace

int main() {
  StartWatchdog();
  StartWaiters(kWaiters);
  Say("ready");
  WaitForTest();
  _exit(0);
}
