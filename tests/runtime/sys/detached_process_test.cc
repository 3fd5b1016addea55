#include "runtime/sys/detached_process.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <string>

#include "runtime/sys/memory_file.h"
#include "runtime/sys/raw_syscall.h"
#include "tests/runtime/sys/child_process.h"
#include "tests/runtime/sys/witness_report.h"
#include "tests/support/temporary_directory.h"

namespace limpet::sys {
namespace {

constexpr int kPatienceMs = 60'000;  // never waited for, unless the code is broken

std::atomic<int> g_child_signals = 0;
int g_gate = -1;

void CountChildSignal(int) { ++g_child_signals; }
void OpenGate(int) { close(g_gate); }

// Signals that are handled while a test runs.
class SignalScope {
 public:
  SignalScope(int signal, void (*handler)(int)) : signal_(signal) {
    struct sigaction action = {};
    action.sa_handler = handler;
    sigaction(signal, &action, &old_);
  }
  ~SignalScope() { sigaction(signal_, &old_, nullptr); }
  SignalScope(const SignalScope&) = delete;
  SignalScope& operator=(const SignalScope&) = delete;

 private:
  int signal_;
  struct sigaction old_ = {};
};

// Starts the witness, waits for its end and reads what it saw.
class DetachedProgram : public testing::Test {
 protected:
  test::WitnessReport Witness() {
    const char* paths[] = {LIMPET_WITNESS, nullptr};
    return Witness(paths);
  }
  test::WitnessReport Witness(const char* const* paths) {
    const char* arguments[] = {"someone", report().c_str(), "last one", nullptr};
    const DetachedProcess started = StartDetached(paths, arguments);
    EXPECT_GT(started.pid, 0);
    EXPECT_EQ(started.error_number, 0);
    EXPECT_TRUE(started.pid == 0 || WaitUntilGone(started.pid, kPatienceMs));
    return test::ReadWitnessReport(report());
  }
  const std::string& report() const { return report_; }
  std::string File(const std::string& name) const { return directory_.File(name); }

 private:
  TemporaryDirectory directory_;
  std::string report_ = directory_.File("report");
};

TEST_F(DetachedProgram, GetsItsArguments) {
  auto saw = Witness();
  EXPECT_EQ(saw["executable"], LIMPET_WITNESS);
  EXPECT_EQ(saw["arguments"], "3");
  EXPECT_EQ(saw["last_argument"], "last one");
}

TEST_F(DetachedProgram, IsNoChildOfItsStarter) {
  Witness();
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG | __WALL), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST_F(DetachedProgram, CausesNoChildSignal) {
  SignalScope scope(SIGCHLD, CountChildSignal);
  g_child_signals = 0;
  Witness();
  EXPECT_EQ(g_child_signals.load(), 0);
}

TEST_F(DetachedProgram, HasNoDescriptorButThoseOfDevNull) {
  int kept = open("/", O_RDONLY);  // inherited over exec
  auto saw = Witness();
  close(kept);
  EXPECT_EQ(saw["descriptors"], "3");
  for (const char* name : {"descriptor0", "descriptor1", "descriptor2"}) {
    EXPECT_EQ(saw[name], "/dev/null");
  }
}

TEST_F(DetachedProgram, HasDevNullAlsoWhereTheStarterHasNoDescriptors) {
  test::ExpectInChild([&] {
    const char* paths[] = {LIMPET_WITNESS, nullptr};
    const char* arguments[] = {"someone", report().c_str(), nullptr};
    for (int i = 0; i < 3; ++i) close(i);
    WaitUntilGone(StartDetached(paths, arguments).pid, kPatienceMs);
  });
  auto saw = test::ReadWitnessReport(report());
  EXPECT_EQ(saw["descriptors"], "3");
  EXPECT_EQ(saw["descriptor0"], "/dev/null");
}

// Of a preparation: what the process was when it came, and what it shall bring.
struct Visit {
  long result = kNothingHanded;
  std::string text;
  std::uint64_t blocked_signals = 0;
};

long HandText(void* context) {
  auto* visit = static_cast<Visit*>(context);
  RawSyscall(SYS_rt_sigprocmask, SIG_BLOCK, 0, AsArgument(&visit->blocked_signals), 8);
  if (visit->text.empty()) return visit->result;
  long file = MakeMemoryFile("text");
  file = RawSyscall(SYS_fcntl, file, F_DUPFD, 7);  // not where it belongs
  RawSyscall(SYS_pwrite64, file, AsArgument(visit->text.data()),
             static_cast<long>(visit->text.size()), 0);
  return file;
}

TEST_F(DetachedProgram, GetsWhatItsPreparationHands) {
  Visit visit = {.text = "a text"};
  const Preparation preparation = {HandText, &visit};
  const std::string copy = "cat /proc/self/fd/3 > " + report();
  const char* arguments[] = {"sh", "-c", copy.c_str(), nullptr};
  const char* paths[] = {"/bin/sh", nullptr};
  const DetachedProcess started = StartDetached(paths, arguments, &preparation);
  ASSERT_GT(started.pid, 0);
  ASSERT_TRUE(WaitUntilGone(started.pid, kPatienceMs));
  std::ifstream file(report());
  std::string text;
  EXPECT_TRUE(std::getline(file, text));
  EXPECT_EQ(text, "a text");
  EXPECT_EQ(visit.blocked_signals | 1 << (SIGKILL - 1) | 1 << (SIGSTOP - 1), ~std::uint64_t{0})
      << "no handler of the starter's runs in its memory";
}

TEST_F(DetachedProgram, GetsNothingWhereNothingIsHanded) {
  Visit visit;
  const Preparation preparation = {HandText, &visit};
  const char* paths[] = {LIMPET_WITNESS, nullptr};
  const char* arguments[] = {"someone", report().c_str(), nullptr};
  const DetachedProcess started = StartDetached(paths, arguments, &preparation);
  EXPECT_TRUE(WaitUntilGone(started.pid, kPatienceMs));
  EXPECT_EQ(test::ReadWitnessReport(report())["descriptors"], "3");
}

TEST(StartDetached, StartsNothingWhereThePreparationRefuses) {
  Visit visit = {.result = -0xFFFE};
  const Preparation preparation = {HandText, &visit};
  const char* arguments[] = {"true", nullptr};
  const char* paths[] = {"/bin/true", nullptr};
  const DetachedProcess started = StartDetached(paths, arguments, &preparation);
  EXPECT_EQ(started.pid, 0);
  EXPECT_EQ(started.error_number, 0xFFFE) << "also what is no errno";
}

TEST_F(DetachedProgram, HasNoEnvironment) { EXPECT_EQ(Witness()["variables"], "0"); }

TEST_F(DetachedProgram, LeadsASessionOfItsOwn) { EXPECT_EQ(Witness()["leads_session"], "1"); }

TEST_F(DetachedProgram, HasNoSignalBlockedWhateverItsStarterBlocks) {
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  auto saw = Witness();
  sigset_t now;
  pthread_sigmask(SIG_SETMASK, &old, &now);
  EXPECT_EQ(saw["blocked_signals"], "0");
  EXPECT_EQ(sigismember(&now, SIGUSR1), 1);  // the starter's mask is as it was
}

TEST_F(DetachedProgram, IsTheFirstThatIsThere) {
  const std::string missing = File("missing");
  const char* paths[] = {missing.c_str(), LIMPET_WITNESS, "/bin/false", nullptr};
  EXPECT_EQ(Witness(paths)["executable"], LIMPET_WITNESS);
}

TEST_F(DetachedProgram, IsTheFirstThatCanBeExecuted) {
  std::ofstream(File("text")) << "no program";
  const std::string text = File("text");
  const std::string below_a_file = File("text/limpet");
  const char* paths[] = {text.c_str(), below_a_file.c_str(), LIMPET_WITNESS, nullptr};
  EXPECT_EQ(Witness(paths)["executable"], LIMPET_WITNESS);
}

TEST(StartDetached, SaysWhyNothingWasStarted) {
  const char* arguments[] = {"someone", nullptr};
  const char* missing[] = {"/not/there", "/nor/there", nullptr};
  EXPECT_EQ(StartDetached(missing, arguments).pid, 0);
  EXPECT_EQ(StartDetached(missing, arguments).error_number, ENOENT);
  const char* none[] = {nullptr};
  EXPECT_EQ(StartDetached(none, arguments).error_number, ENOENT);
  const char* forbidden[] = {"/etc/passwd", nullptr};
  EXPECT_EQ(StartDetached(forbidden, arguments).error_number, EACCES);
}

TEST(StartDetached, LeavesNoChildWhereNothingWasStarted) {
  SignalScope scope(SIGCHLD, CountChildSignal);
  g_child_signals = 0;
  const char* arguments[] = {"someone", nullptr};
  const char* missing[] = {"/not/there", nullptr};
  StartDetached(missing, arguments);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG | __WALL), -1);
  EXPECT_EQ(errno, ECHILD);
  EXPECT_EQ(g_child_signals.load(), 0);
}

TEST(StartDetached, KeepsErrno) {
  const char* arguments[] = {"true", nullptr};
  const char* paths[] = {"/not/there", "/bin/true", nullptr};
  errno = 1234;
  EXPECT_GT(StartDetached(paths, arguments).pid, 0);
  EXPECT_EQ(errno, 1234);
}

TEST(StartDetached, CanBeCalledAgainAndAgain) {
  const char* arguments[] = {"true", nullptr};
  const char* paths[] = {"/bin/true", nullptr};
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(WaitUntilGone(StartDetached(paths, arguments).pid, kPatienceMs));
  }
}

// A child that lives until the gate's writing end is closed.
pid_t StartGatekeeper() {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    char byte;
    close(ends[1]);
    _exit(static_cast<int>(read(ends[0], &byte, 1)));
  }
  close(ends[0]);
  g_gate = ends[1];
  return child;
}

TEST(WaitUntilGone, GivesUpOnAProcessThatLives) {
  pid_t child = StartGatekeeper();
  EXPECT_FALSE(WaitUntilGone(child, 0));
  EXPECT_FALSE(WaitUntilGone(child, 10));
  close(g_gate);
  EXPECT_TRUE(WaitUntilGone(child, kPatienceMs));
  test::WaitFor(child);
}

TEST(WaitUntilGone, FindsAProcessGoneThatNobodyReaped) {
  pid_t child = fork();
  if (child == 0) _exit(0);
  EXPECT_TRUE(WaitUntilGone(child, kPatienceMs));
  EXPECT_TRUE(WaitUntilGone(child, 0));
  test::WaitFor(child);
}

TEST(WaitUntilGone, FindsAProcessGoneThatWasReaped) {
  pid_t child = fork();
  if (child == 0) _exit(0);
  test::WaitFor(child);
  EXPECT_TRUE(WaitUntilGone(child, 0));
}

// A program with a profiling timer gets signals all the time.
TEST(WaitUntilGone, IsNotEndedByASignal) {
  SignalScope scope(SIGALRM, OpenGate);
  pid_t child = StartGatekeeper();
  itimerval timer = {{0, 0}, {0, 20'000}};
  setitimer(ITIMER_REAL, &timer, nullptr);
  EXPECT_TRUE(WaitUntilGone(child, kPatienceMs));
  close(g_gate);
  test::WaitFor(child);
}

}  // namespace
}  // namespace limpet::sys
