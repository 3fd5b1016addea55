// Names of machines and of users: what libc does for them inside, by its own calls and its
// plug-ins', is one wait.

#include <sys/types.h>
#include <time.h>

#include "preload/parked_hook.h"
#include "preload/wait_timeout.h"

namespace limpet {

using Bytes = std::size_t;
using Name = const char*;

static Wait ResolveWait() { return {.reason = WaitReason::kResolve, .is_composite = true}; }

static Wait UserWait() { return {.reason = WaitReason::kNameService, .is_composite = true}; }

static Wait SuspendWait(const timespec* time) {
  return {
      .reason = WaitReason::kResolve, .timeout_ns = PassedTimeoutOf(time), .is_composite = true};
}

// Addresses, answers and errors are only passed on.
// clang-format off
#define LIMPET_RESOLVE_HOOKS(X) \
  X(int, Getaddrinfo, "getaddrinfo", (Name node, Name service, const void* hints, void* result), (node, service, hints, result), ResolveWait()) \
  X(int, Getnameinfo, "getnameinfo", (const void* address, unsigned size, char* host, unsigned room, char* service, unsigned rest, int flags), (address, size, host, room, service, rest, flags), ResolveWait()) \
  X(void*, Gethostbyname, "gethostbyname", (Name name), (name), ResolveWait()) \
  X(void*, Gethostbyname2, "gethostbyname2", (Name name, int family), (name, family), ResolveWait()) \
  X(void*, Gethostbyaddr, "gethostbyaddr", (const void* address, unsigned size, int family), (address, size, family), ResolveWait()) \
  X(int, GethostbynameR, "gethostbyname_r", (Name name, void* entry, char* room, Bytes n, void* result, int* error), (name, entry, room, n, result, error), ResolveWait()) \
  X(int, Gethostbyname2R, "gethostbyname2_r", (Name name, int family, void* entry, char* room, Bytes n, void* result, int* error), (name, family, entry, room, n, result, error), ResolveWait()) \
  X(int, GethostbyaddrR, "gethostbyaddr_r", (const void* address, unsigned size, int family, void* entry, char* room, Bytes n, void* result, int* error), (address, size, family, entry, room, n, result, error), ResolveWait()) \
  X(int, ResQuery, "res_query", (Name name, int family, int kind, void* answer, int n), (name, family, kind, answer, n), ResolveWait()) \
  X(int, ResSearch, "res_search", (Name name, int family, int kind, void* answer, int n), (name, family, kind, answer, n), ResolveWait()) \
  X(int, ResQuerydomain, "res_querydomain", (Name name, Name domain, int family, int kind, void* answer, int n), (name, domain, family, kind, answer, n), ResolveWait()) \
  X(int, ResSend, "res_send", (const void* question, int m, void* answer, int n), (question, m, answer, n), ResolveWait()) \
  X(int, ResNquery, "res_nquery", (void* state, Name name, int family, int kind, void* answer, int n), (state, name, family, kind, answer, n), ResolveWait()) \
  X(int, ResNsearch, "res_nsearch", (void* state, Name name, int family, int kind, void* answer, int n), (state, name, family, kind, answer, n), ResolveWait()) \
  X(int, ResNquerydomain, "res_nquerydomain", (void* state, Name name, Name domain, int family, int kind, void* answer, int n), (state, name, domain, family, kind, answer, n), ResolveWait()) \
  X(int, ResNsend, "res_nsend", (void* state, const void* question, int m, void* answer, int n), (state, question, m, answer, n), ResolveWait()) \
  X(int, GaiSuspend, "gai_suspend", (const void* requests, int n, const timespec* time), (requests, n, time), SuspendWait(time))

#define LIMPET_USER_HOOKS(X) \
  X(void*, Getpwnam, "getpwnam", (Name name), (name), UserWait()) \
  X(int, GetpwnamR, "getpwnam_r", (Name name, void* entry, char* room, Bytes n, void* result), (name, entry, room, n, result), UserWait()) \
  X(void*, Getpwuid, "getpwuid", (uid_t user), (user), UserWait()) \
  X(int, GetpwuidR, "getpwuid_r", (uid_t user, void* entry, char* room, Bytes n, void* result), (user, entry, room, n, result), UserWait()) \
  X(void*, Getpwent, "getpwent", (), (), UserWait()) \
  X(int, GetpwentR, "getpwent_r", (void* entry, char* room, Bytes n, void* result), (entry, room, n, result), UserWait()) \
  X(void*, Getgrnam, "getgrnam", (Name name), (name), UserWait()) \
  X(int, GetgrnamR, "getgrnam_r", (Name name, void* entry, char* room, Bytes n, void* result), (name, entry, room, n, result), UserWait()) \
  X(void*, Getgrgid, "getgrgid", (gid_t group), (group), UserWait()) \
  X(int, GetgrgidR, "getgrgid_r", (gid_t group, void* entry, char* room, Bytes n, void* result), (group, entry, room, n, result), UserWait()) \
  X(void*, Getgrent, "getgrent", (), (), UserWait()) \
  X(int, GetgrentR, "getgrent_r", (void* entry, char* room, Bytes n, void* result), (entry, room, n, result), UserWait()) \
  X(int, Getgrouplist, "getgrouplist", (Name user, gid_t group, gid_t* groups, int* n), (user, group, groups, n), UserWait()) \
  X(int, Initgroups, "initgroups", (Name user, gid_t group), (user, group), UserWait()) \
  X(int, Innetgr, "innetgr", (Name netgroup, Name host, Name user, Name domain), (netgroup, host, user, domain), UserWait()) \
  X(void*, Getspnam, "getspnam", (Name name), (name), UserWait()) \
  X(int, GetspnamR, "getspnam_r", (Name name, void* entry, char* room, Bytes n, void* result), (name, entry, room, n, result), UserWait())
// clang-format on

LIMPET_RESOLVE_HOOKS(LIMPET_PARKED_HOOK)
LIMPET_USER_HOOKS(LIMPET_PARKED_HOOK)

void BindResolveHooks() {
  LIMPET_RESOLVE_HOOKS(LIMPET_BIND_HOOK)
  LIMPET_USER_HOOKS(LIMPET_BIND_HOOK)
}

}  // namespace limpet
