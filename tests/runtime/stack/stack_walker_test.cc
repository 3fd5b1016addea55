// Walks of this process's own stacks, with libunwind as the oracle.

#include "runtime/stack/stack_walker.h"

#include <alloca.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#define UNW_LOCAL_ONLY
#include <libunwind.h>

namespace limpet {
namespace {

RuleCache g_rules;

class StackWalkerTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { BindObjectFinder(); }
};

// The stack of the caller, outermost first, by both.
struct Capture {
  std::vector<std::uint64_t> ours;
  std::vector<std::uint64_t> theirs;
  bool is_truncated = false;
  std::uint32_t reused = 0;
};

Capture* g_capture = nullptr;
RememberedWalk* g_walk = nullptr;
StackBounds g_bounds;

void Walk(const sys::CallerFrame& start, RememberedWalk* walk) {
  static StackPage page;
  StackWalker(g_rules, StackMemory(g_bounds, &page)).Walk(start, walk);
}

std::vector<std::uint64_t> Addresses(const RememberedWalk& walk) {
  std::vector<std::uint64_t> addresses;
  for (std::uint32_t i = 0; i < walk.depth; ++i) addresses.push_back(walk.frames[i].address());
  return addresses;
}

// libunwind's callers, outermost first, from the frame that returns to `first` outwards.
std::vector<std::uint64_t> OracleFrom(std::uint64_t first) {
  void* frames[400];
  int count = unw_backtrace(frames, 400);
  int inner = 0;
  while (inner < count && reinterpret_cast<std::uint64_t>(frames[inner]) != first) ++inner;
  std::vector<std::uint64_t> addresses;
  for (int i = count; i-- > inner;) {
    if (frames[i] != nullptr) addresses.push_back(reinterpret_cast<std::uint64_t>(frames[i]));
  }
  return addresses;
}

[[gnu::noinline]] void TakeCapture() {
  sys::CallerFrame caller = sys::CaptureCaller();
  Walk(caller, g_walk);
  g_capture->ours = Addresses(*g_walk);
  g_capture->theirs = OracleFrom(caller.return_address);
  g_capture->is_truncated = g_walk->is_truncated;
  g_capture->reused = g_walk->reused;
}

Capture CaptureIn(void (*body)()) {
  static auto walk = std::make_unique<RememberedWalk>();
  Capture capture;
  walk->Forget();
  g_walk = walk.get();
  g_capture = &capture;
  g_bounds = MainThreadBounds();
  body();
  return capture;
}

void ExpectEqual(const Capture& capture) {
  EXPECT_GT(capture.ours.size(), 5u);
  EXPECT_EQ(capture.ours, capture.theirs);
  EXPECT_FALSE(capture.is_truncated);
}

volatile int g_sink;

[[gnu::noinline]] void Plain() {
  TakeCapture();
  g_sink = 1;
}
TEST_F(StackWalkerTest, FollowsPlainFrames) { ExpectEqual(CaptureIn(Plain)); }

[[gnu::noinline]] void WithAlloca() {
  auto* block =
      static_cast<volatile unsigned char*>(alloca(static_cast<std::size_t>(g_sink) * 100 + 16));
  block[0] = 1;
  Plain();
  g_sink = block[0];
}
TEST_F(StackWalkerTest, FollowsFramesOfVariableSize) { ExpectEqual(CaptureIn(WithAlloca)); }

[[gnu::noinline]] void Realigned() {
  alignas(128) volatile unsigned char block[256];
  block[0] = 1;
  WithAlloca();
  g_sink = block[0];
}
TEST_F(StackWalkerTest, FollowsRealignedFrames) { ExpectEqual(CaptureIn(Realigned)); }

void OnSignal(int) { Realigned(); }

[[gnu::noinline]] void InSignalHandler() {
  struct sigaction action = {}, old = {};
  action.sa_handler = OnSignal;
  sigaction(SIGUSR2, &action, &old);
  raise(SIGUSR2);
  sigaction(SIGUSR2, &old, nullptr);
}
TEST_F(StackWalkerTest, FollowsSignalFrames) { ExpectEqual(CaptureIn(InSignalHandler)); }

[[gnu::noinline]] void OnAlternateStack() {
  static char memory[1 << 16];
  stack_t stack = {memory, 0, sizeof(memory)}, off = {nullptr, SS_DISABLE, 0};
  struct sigaction action = {}, old = {};
  sigaltstack(&stack, nullptr);
  action.sa_handler = OnSignal;
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGUSR2, &action, &old);
  raise(SIGUSR2);
  sigaction(SIGUSR2, &old, nullptr);
  sigaltstack(&off, nullptr);
}
TEST_F(StackWalkerTest, FollowsFromAnAlternateStackToTheThreads) {
  ExpectEqual(CaptureIn(OnAlternateStack));
}

[[gnu::noinline]] void Recurse(int levels) {
  if (levels == 0) return TakeCapture();
  Recurse(levels - 1);
  g_sink = levels;
}

TEST_F(StackWalkerTest, KeepsTheInnermostFramesOfDeepRecursionAndSaysSo) {
  Capture capture = CaptureIn([] { Recurse(300); });
  ASSERT_EQ(capture.ours.size(), kMaxStackFrames);
  EXPECT_TRUE(capture.is_truncated);
  std::vector<std::uint64_t> inner(capture.theirs.end() - kMaxStackFrames, capture.theirs.end());
  EXPECT_EQ(capture.ours, inner);
}

// Random depth-first wandering: each capture resumes the last one and must equal a full walk.
std::mt19937 g_random(7);
int g_captures = 0, g_resumed = 0, g_unchanged = 0;
std::unique_ptr<RememberedWalk> g_full;

[[gnu::noinline]] void CheckIncremental() {
  sys::CallerFrame caller = sys::CaptureCaller();
  if (StackWalker::IsUnchanged(caller, g_bounds, g_walk))
    ++g_unchanged;
  else
    Walk(caller, g_walk);
  g_full->Forget();
  Walk(caller, g_full.get());
  ASSERT_EQ(Addresses(*g_walk), Addresses(*g_full));
  ASSERT_EQ(g_walk->is_truncated, g_full->is_truncated);
  ++g_captures;
  if (g_walk->reused != 0) ++g_resumed;
}

template <int kKind>
[[gnu::noinline]] void Wander(int depth);

void WanderOn(int depth) {
  switch (g_random() % 3) {
    case 0:
      return Wander<0>(depth);
    case 1:
      return Wander<1>(depth);
    default:
      return Wander<2>(depth);
  }
}

template <int kKind>
[[gnu::noinline]] void Wander(int depth) {
  volatile unsigned char block[static_cast<std::size_t>(kKind) * 48 + 8];
  block[0] = 1;
  if constexpr (kKind == 2)
    g_sink = *static_cast<volatile unsigned char*>(memset(alloca(g_random() % 200 + 1), 0, 1));
  for (unsigned i = 0; i < 1 + g_random() % 3 && depth < 160 && g_captures < 100'000; ++i) {
    if (g_random() % 2 == 0) WanderOn(depth + 1);
    CheckIncremental();
  }
  g_sink = block[0];
}

TEST_F(StackWalkerTest, ResumedWalksEqualFullWalks) {
  g_full = std::make_unique<RememberedWalk>();
  CaptureIn([] {
    for (int i = 0; i < 40'000 && g_captures < 100'000; ++i) WanderOn(0);
  });
  EXPECT_GT(g_captures, 20'000);
  EXPECT_GT(g_resumed, g_captures / 2);
  EXPECT_GT(g_unchanged, g_captures / 20);
}

// A handler on a signal stack that lies on the thread's own interrupted a fiber, whose stack is
// gone when a handler is at the same place again.
TEST_F(StackWalkerTest, ReadsNothingBehindASignalFrameUnseen) {
  void* gone = mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  auto here = reinterpret_cast<std::uint64_t>(__builtin_frame_address(0));
  static RememberedWalk walk;
  walk = {};
  walk.depth = 3;
  walk.frames[0] = {.stack_pointer = reinterpret_cast<std::uint64_t>(gone) + 1024, .frame = 0x1000};
  walk.frames[1] = {.stack_pointer = reinterpret_cast<std::uint64_t>(gone) + 512, .frame = 0x2000};
  walk.frames[2] = {.stack_pointer = here, .frame = 0x3000, .rbp_offset = WalkedFrame::kStepAgain};
  sys::CallerFrame start = {0x3000, here, 0};
  EXPECT_FALSE(StackWalker::IsUnchanged(start, MainThreadBounds(), &walk));
  g_bounds = MainThreadBounds();
  Walk(start, &walk);
  EXPECT_EQ(walk.reused, 0u);
  munmap(gone, 4096);
}

TEST_F(StackWalkerTest, ResumesBehindAChangedInnerFrame) {
  Capture capture = CaptureIn([] {
    Plain();
    Realigned();
    Plain();
  });
  EXPECT_GT(capture.reused, 3u);
  EXPECT_EQ(capture.ours, capture.theirs);
}

TEST_F(StackWalkerTest, ForgetsTheLastWalkWhenCodeMayHaveChanged) {
  Capture capture = CaptureIn([] {
    Plain();
    g_rules.Invalidate();
    Plain();
  });
  EXPECT_EQ(capture.reused, 0u);
  EXPECT_EQ(capture.ours, capture.theirs);
}

// push rbp; mov rbp, rsp; call rdi; pop rbp; ret - as a JIT compiler writes it, without unwind
// table.
void* MakeUntabledCode() {
  static const unsigned char kCode[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};
  void* code =
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy(code, kCode, sizeof(kCode));
  return code;
}

TEST_F(StackWalkerTest, FollowsFramePointersWhereThereIsNoTable) {
  static auto code = reinterpret_cast<void (*)(void (*)())>(MakeUntabledCode());
  Capture capture = CaptureIn([] { code(Plain); });
  EXPECT_FALSE(capture.is_truncated);
  auto address = reinterpret_cast<std::uint64_t>(code) + 6;
  EXPECT_NE(std::find(capture.ours.begin(), capture.ours.end(), address), capture.ours.end());
}

TEST_F(StackWalkerTest, StopsAtTheBoundsItIsGiven) {
  Capture capture = CaptureIn([] {
    auto here = reinterpret_cast<std::uint64_t>(__builtin_frame_address(0));
    g_bounds = {here - 4096, here + 256};
    Realigned();
  });
  EXPECT_TRUE(capture.is_truncated);
  EXPECT_LT(capture.ours.size(), capture.theirs.size());
  std::vector<std::uint64_t> inner(capture.theirs.end() - static_cast<long>(capture.ours.size()),
                                   capture.theirs.end());
  EXPECT_EQ(capture.ours, inner);
}

// A frame pointer that leads into an unmapped page must not be followed.
TEST_F(StackWalkerTest, DoesNotReadThroughARegisterThatLeadsElsewhere) {
  static auto code = reinterpret_cast<std::uint64_t>(MakeUntabledCode());
  auto here = reinterpret_cast<std::uint64_t>(__builtin_frame_address(0));
  RememberedWalk walk = {};
  for (std::uint64_t rbp :
       {std::uint64_t{1}, std::uint64_t{0xdead0000}, here + (1 << 30), ~std::uint64_t{7}}) {
    sys::CallerFrame start = {code + 6, here, rbp};
    walk.Forget();
    Walk(start, &walk);
    EXPECT_EQ(walk.depth, 1u);
    EXPECT_TRUE(walk.is_truncated);
  }
}

TEST(StackBounds, MainThreadHoldsItsFrames) {
  StackBounds bounds = MainThreadBounds();
  EXPECT_TRUE(bounds.Holds(reinterpret_cast<std::uint64_t>(__builtin_frame_address(0))));
}

void* CheckOwnBounds(void* stack_bytes) {
  auto bytes = reinterpret_cast<std::uint64_t>(stack_bytes);
  StackBounds bounds = OwnThreadBounds(bytes);
  pthread_attr_t attributes;
  void* address = nullptr;
  std::size_t size = 0;
  pthread_getattr_np(pthread_self(), &attributes);
  pthread_attr_getstack(&attributes, &address, &size);
  pthread_attr_destroy(&attributes);
  auto low = reinterpret_cast<std::uint64_t>(address);
  EXPECT_TRUE(bounds.Holds(reinterpret_cast<std::uint64_t>(__builtin_frame_address(0))));
  EXPECT_GE(bounds.low, low);
  EXPECT_LE(bounds.high, low + size);
  EXPECT_GT(bounds.high - bounds.low, bytes - 16384);
  return nullptr;
}

TEST(StackBounds, OwnThreadBoundsLieInsideTheThreadsStack) {
  for (std::size_t bytes : {std::size_t{65536}, std::size_t{1} << 20, std::size_t{8} << 20}) {
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, bytes);
    ASSERT_EQ(pthread_create(&thread, &attributes, CheckOwnBounds, reinterpret_cast<void*>(bytes)),
              0);
    pthread_join(thread, nullptr);
    pthread_attr_destroy(&attributes);
  }
}

TEST(StackMemory, OfAForeignStackEndsWhereMemoryDoes) {
  auto* memory = static_cast<char*>(
      mmap(nullptr, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  auto start = reinterpret_cast<std::uint64_t>(memory);
  mprotect(memory + 2 * 4096, 4096, PROT_NONE);
  memory[4096 + 8] = 42;
  StackPage page;
  StackMemory stack(StackBounds(), &page);
  std::uint64_t value = 0;
  stack.Enter(start + 96);
  EXPECT_TRUE(stack.Load(start + 4096 + 8, &value));
  EXPECT_EQ(value, 42u);
  EXPECT_TRUE(stack.Load(start + 96, &value));
  EXPECT_FALSE(stack.Load(start + 88, &value)) << "below the stack pointer";
  EXPECT_FALSE(stack.Load(start + 100, &value)) << "not aligned";
  EXPECT_FALSE(stack.Load(start + 2 * 4096, &value)) << "not readable";
  munmap(memory, 3 * 4096);
}

// A walk that lost its way on a fiber reads what another thread takes away.
TEST_F(StackWalkerTest, SurvivesMemoryThatVanishesBesideAForeignStack) {
  static auto code = reinterpret_cast<std::uint64_t>(MakeUntabledCode());
  auto* memory = static_cast<char*>(
      mmap(nullptr, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  auto start = reinterpret_cast<std::uint64_t>(memory);
  std::atomic<bool> is_over = false;
  std::thread other([&] {
    while (!is_over.load()) {
      mprotect(memory + 4096, 4096, PROT_NONE);
      mprotect(memory + 4096, 4096, PROT_READ | PROT_WRITE);
    }
  });
  static RememberedWalk walk;
  for (int i = 0; i < 100'000; ++i) {
    walk.Forget();
    Walk({code + 6, start, start + 4096 + 64}, &walk);
  }
  is_over.store(true);
  other.join();
  munmap(memory, 2 * 4096);
}

}  // namespace
}  // namespace limpet
