// Each thread that waits is listed with what it waits for, where, and since when.

#include <time.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <utility>

#include "runtime/layout/thread_slot.h"
#include "tests/preload/snapshot_facts.h"
#include "tests/support/thread_facts.h"

namespace limpet {
namespace {

constexpr char kLockWaits[] = LIMPET_PROGRAMS "/lock_waits";
constexpr char kInputWaits[] = LIMPET_PROGRAMS "/input_waits";
constexpr char kStreamWaits[] = LIMPET_PROGRAMS "/stream_waits";
constexpr char kResolverWaits[] = LIMPET_PROGRAMS "/resolver_waits";
constexpr char kUnansweredWaits[] = LIMPET_PROGRAMS "/unanswered_waits";
constexpr std::uint64_t kSecond = 1'000'000'000;

constexpr std::uint64_t kAnyObject = ~std::uint64_t{1};

// What a waiter says of itself before it waits.
struct Claim {
  int line = 0;
  std::uint64_t object = 0;
};

std::map<std::string, Claim> ClaimsOf(TracedProgram& program) {
  std::map<std::string, Claim> claims;
  for (std::string line = program.ReadLine(); line != "ready"; line = program.ReadLine()) {
    std::string name;
    Claim claim;
    if (!(std::istringstream(line) >> name >> claim.line >> claim.object)) {
      ADD_FAILURE() << "line '" << line << "'";
      return claims;
    }
    claims[name] = claim;
  }
  return claims;
}

std::uint64_t MonotonicNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * kSecond + static_cast<std::uint64_t>(now.tv_nsec);
}

// Of one program with a thread in each of its calls.
class Waits {
 public:
  explicit Waits(const char* command)
      : program_({command}, {}), claims_(ClaimsOf(program_)), snapshot_(program_.Read()) {
    EXPECT_FALSE(claims_.empty());
  }
  ~Waits() {
    program_.Continue();
    EXPECT_EQ(program_.Finish(), 0);
  }

  // Listed as waiting for `reason` where it said that it would.
  ThreadRecord Expect(const std::string& name, WaitReason reason) {
    SCOPED_TRACE(name);
    ThreadRecord thread = ThreadNamed(snapshot_, name);
    const Claim& claim = claims_[name];
    EXPECT_TRUE(IsParked(thread));
    EXPECT_EQ(static_cast<int>(thread.reason), static_cast<int>(reason));
    EXPECT_TRUE(claim.object == kAnyObject || claim.object == thread.object) << thread.object;
    EXPECT_EQ(LeafOf(snapshot_, thread.stack).line, claim.line);
    const std::uint64_t since = MonotonicNs() - thread.since_ns;
    EXPECT_GT(since, kSecond / 5);
    EXPECT_LT(since, 30 * kSecond);
    EXPECT_EQ(thread.creator_number, 1u);
    claims_.erase(name);
    return thread;
  }
  void ExpectForEver(const std::string& name, WaitReason reason) {
    EXPECT_EQ(Expect(name, reason).timeout_ns, kNoTimeout) << name;
  }
  void ExpectFor100Seconds(const std::string& name, WaitReason reason) {
    EXPECT_NEAR(static_cast<double>(Expect(name, reason).timeout_ns), 100e9, 5e9) << name;
  }
  // What it said, which then is no address: `keeps_none` says that there is none, else it may be
  // any.
  std::uint64_t TakeObject(const std::string& name, bool keeps_none = true) {
    return std::exchange(claims_[name].object, keeps_none ? 0 : kAnyObject);
  }
  // Each waiter was asked for.
  void ExpectNoMore() {
    for (const auto& [name, claim] : claims_) ADD_FAILURE() << name << " was not looked at";
  }

  const SegmentSnapshot& snapshot() const { return snapshot_; }
  std::uint32_t main_thread_id() const { return static_cast<std::uint32_t>(program_.pid()); }

 private:
  TracedProgram program_;
  std::map<std::string, Claim> claims_;
  SegmentSnapshot snapshot_;
};

TEST(Parks, TellEachLockConditionAndSleep) {
  Waits waits(kLockWaits);
  waits.ExpectForEver("rdlock", WaitReason::kReadLock);
  waits.ExpectFor100Seconds("timedrdlock", WaitReason::kReadLock);
  waits.ExpectForEver("wrlock", WaitReason::kWriteLock);
  waits.ExpectFor100Seconds("timedwrlock", WaitReason::kWriteLock);
  waits.ExpectForEver("cond_wait", WaitReason::kCondition);
  waits.ExpectFor100Seconds("cond_timedwait", WaitReason::kCondition);
  waits.ExpectFor100Seconds("cond_clockwait", WaitReason::kCondition);
  waits.ExpectForEver("cnd_wait", WaitReason::kCondition);
  waits.ExpectFor100Seconds("cnd_timedwait", WaitReason::kCondition);
  waits.ExpectForEver("barrier", WaitReason::kBarrier);
  waits.ExpectForEver("sem_wait", WaitReason::kSemaphore);
  waits.ExpectFor100Seconds("sem_timedwait", WaitReason::kSemaphore);
  waits.ExpectFor100Seconds("sem_clockwait", WaitReason::kSemaphore);
  waits.ExpectForEver("futex", WaitReason::kFutex);
  waits.ExpectFor100Seconds("futex_bitset", WaitReason::kFutex);
  for (const char* sleep :
       {"nanosleep", "clock_nanosleep", "sleep_until", "usleep", "sleep", "thrd_sleep"})
    waits.ExpectFor100Seconds(sleep, WaitReason::kSleep);
  for (const char* lock : {"mutex", "mtx_lock"}) {
    ThreadRecord thread = waits.Expect(lock, WaitReason::kMutex);
    EXPECT_EQ(thread.owner_thread_id, waits.main_thread_id()) << lock;
    EXPECT_EQ(thread.timeout_ns, kNoTimeout) << lock;
  }
  for (const char* lock : {"timedlock", "clocklock", "mtx_timedlock"})
    waits.ExpectFor100Seconds(lock, WaitReason::kMutex);
  for (const char* join : {"join", "timedjoin", "clockjoin", "thrd_join"}) {
    ThreadRecord thread = waits.Expect(join, WaitReason::kJoin);
    EXPECT_NE(thread.owner_thread_id, 0u);
  }
  waits.ExpectNoMore();
  ExpectNothingLost(waits.snapshot());
}

// The object of those that have none but their descriptor: the program says that one.
class InputWaits : public Waits {
 public:
  InputWaits() : Waits(kInputWaits) {}

  ThreadRecord ExpectAt(const std::string& name, WaitReason reason) {
    const std::uint64_t descriptor = TakeObject(name);
    ThreadRecord thread = Expect(name, reason);
    EXPECT_EQ(static_cast<std::uint64_t>(thread.descriptor), descriptor) << name;
    return thread;
  }
};

TEST(Parks, TellEachWaitForTheKernel) {
  InputWaits waits;
  for (const char* name : {"read", "readv"}) waits.ExpectAt(name, WaitReason::kRead);
  for (const char* name : {"write", "writev"}) waits.ExpectAt(name, WaitReason::kWrite);
  for (const char* name : {"recv", "recvfrom", "recvmsg"})
    waits.ExpectAt(name, WaitReason::kReceive);
  for (const char* name : {"send", "sendto"}) waits.ExpectAt(name, WaitReason::kSend);
  waits.ExpectAt("splice", WaitReason::kTransfer);
  waits.ExpectAt("accept", WaitReason::kAccept);
  waits.ExpectAt("connect", WaitReason::kConnect);
  for (const char* name : {"flock", "setlkw", "lockf"}) waits.ExpectAt(name, WaitReason::kFileLock);
  waits.ExpectAt("open_fifo", WaitReason::kFile);
  waits.ExpectAt("mq_receive", WaitReason::kMessageReceive);
  waits.Expect("msgrcv", WaitReason::kMessageReceive);
  waits.Expect("semop", WaitReason::kSystemSemaphore);
  waits.Expect("aio_suspend", WaitReason::kAsynchronous);
  for (const char* name : {"fgets", "fread", "getc", "getdelim"})
    EXPECT_GT(waits.Expect(name, WaitReason::kStreamRead).descriptor, 2) << name;
  EXPECT_GT(waits.Expect("fflush", WaitReason::kStreamWrite).descriptor, 2);
}

TEST(Parks, TellEachPollSignalAndChild) {
  Waits waits(kInputWaits);
  for (const char* name : {"poll", "pselect"}) waits.ExpectForEver(name, WaitReason::kPoll);
  for (const char* name : {"poll_a_while", "ppoll", "select"})
    waits.ExpectFor100Seconds(name, WaitReason::kPoll);
  for (const char* name : {"epoll_wait", "epoll_pwait"}) {
    const std::uint64_t descriptor = waits.TakeObject(name, /*keeps_none=*/false);
    EXPECT_EQ(static_cast<std::uint64_t>(waits.Expect(name, WaitReason::kPoll).descriptor),
              descriptor);
  }
  for (const char* name : {"sigwait", "sigwaitinfo"})
    waits.ExpectForEver(name, WaitReason::kSignal);
  waits.ExpectFor100Seconds("sigtimedwait", WaitReason::kSignal);
  for (const char* name : {"pause", "sigsuspend"}) waits.ExpectForEver(name, WaitReason::kPause);
  for (const char* name : {"waitpid", "waitid", "wait", "system"})
    waits.ExpectForEver(name, WaitReason::kChild);
}

TEST(Parks, TellWhoWaitsForAnotherToDoItOnce) {
  Waits waits(kInputWaits);
  for (const char* name : {"waits_once", "waits_call"})
    waits.ExpectForEver(name, WaitReason::kOnce);
  for (const char* name : {"does_once", "does_call_once", "makes_static"})
    waits.ExpectFor100Seconds(name, WaitReason::kSleep);
  const ThreadRecord thread = ThreadNamed(waits.snapshot(), "waits_static");
  EXPECT_EQ(thread.reason, WaitReason::kOnce);
  EXPECT_EQ(LeafOf(waits.snapshot(), thread.stack).name, "(anonymous namespace)::MakeStatic");
}

TEST(Parks, TellEachWaitOfStreams) {
  Waits waits(kStreamWaits);
  for (const char* name :
       {"printf", "fprintf", "__fprintf_chk", "vfprintf", "dprintf", "__dprintf_chk", "__overflow",
        "fwrite_unlocked", "fputs_unlocked", "fputs_held", "fprintf_held", "flockfile_held",
        "old_flockfile", "perror", "fseek", "fseeko", "fsetpos", "rewind"})
    EXPECT_GT(waits.Expect(name, WaitReason::kStreamWrite).descriptor, 2) << name;
  for (const char* name : {"scanf", "fscanf", "vfscanf", "__uflow", "fgets_unlocked",
                           "fread_unlocked", "fgetc_held", "fgets_held"})
    EXPECT_GT(waits.Expect(name, WaitReason::kStreamRead).descriptor, 2) << name;
  for (const char* name : {"fopen", "freopen"}) waits.ExpectForEver(name, WaitReason::kFile);
  const std::uint64_t closed = waits.TakeObject("close");
  EXPECT_EQ(static_cast<std::uint64_t>(waits.Expect("close", WaitReason::kFile).descriptor),
            closed);
}

// "hosts: files dns"
bool AsksServers() {
  std::ifstream settings("/etc/nsswitch.conf");
  for (std::string line; std::getline(settings, line);)
    if (line.rfind("hosts:", 0) == 0) return line.find("dns") != std::string::npos;
  return true;
}

TEST(Parks, TellEachCallThatSeeksAName) {
  if (!AsksServers()) GTEST_SKIP() << "SKIPPED: /etc/nsswitch.conf has libc ask no name server";
  Waits waits(kResolverWaits);
  for (const char* name :
       {"getaddrinfo", "getnameinfo", "gethostbyname", "gethostbyname_r", "res_query", "res_search",
        "res_querydomain", "res_send", "res_nquery", "res_nsearch", "res_nquerydom", "res_nsend"})
    waits.ExpectForEver(name, WaitReason::kResolve);
  waits.ExpectNoMore();
}

TEST(Parks, TellEachCallThatTheKernelDoesNotAnswer) {
  Waits waits(kUnansweredWaits);
  for (const char* name : {"ioctl", "fsync", "fdatasync", "syncfs", "sync_file_range", "close"})
    EXPECT_EQ(waits.Expect(name, WaitReason::kFile).descriptor, 3) << name;
  for (const char* name : {"mlock", "mlock2", "mlockall", "msync", "sync", "openat"})
    waits.ExpectForEver(name, WaitReason::kFile);
  for (const char* name : {"tee", "vmsplice"})
    EXPECT_EQ(waits.Expect(name, WaitReason::kTransfer).descriptor, 3) << name;
  EXPECT_EQ(waits.Expect("tcdrain", WaitReason::kWrite).descriptor, 3);
  for (const char* name : {"getpwnam", "getpwnam_r", "getpwuid", "getpwuid_r", "getpwent",
                           "getgrnam", "getgrnam_r", "getgrgid", "getgrgid_r", "getgrent",
                           "getgrouplist", "initgroups", "getspnam", "getspnam_r"})
    waits.ExpectForEver(name, WaitReason::kNameService);
  waits.ExpectNoMore();
}

TEST(Parks, TellWhatStreamsOfTheLibraryWaitFor) {
  Waits waits(kStreamWaits);
  for (const auto& [name, reason] :
       {std::pair{"cin", WaitReason::kStreamRead}, {"ifstream", WaitReason::kRead}}) {
    const ThreadRecord thread = ThreadNamed(waits.snapshot(), name);
    EXPECT_TRUE(IsParked(thread)) << name;
    EXPECT_EQ(thread.reason, reason) << name;
  }
}

}  // namespace
}  // namespace limpet
