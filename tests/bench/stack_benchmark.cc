// What one sample costs inside: walk and intern a stack, and the tables of a live block.

#include <benchmark/benchmark.h>

#include <memory>

#include "runtime/session.h"
#include "runtime/sys/caller_frame.h"
#include "runtime/tracer.h"

namespace limpet {
namespace {

[[gnu::noinline]] void CaptureHere() {
  InternedStack stack = g_tracer.Capture(t_thread, sys::CaptureCaller());
  benchmark::DoNotOptimize(g_tracer.stacks.SiteOf(stack, SiteKind::kHeap));
}

// The stack as a program has it between two samples: its outer frames stay, and `Inner` is called
// on top of them, with one number and then another.
template <class Inner>
[[gnu::noinline]] void AtDepth(int levels, benchmark::State& state, Inner inner) {
  if (levels > 0) {
    AtDepth(levels - 1, state, inner);
    benchmark::ClobberMemory();
    return;
  }
  unsigned turn = 0;
  for (auto _ : state) inner(++turn % 2);
}

template <int kKind>
[[gnu::noinline]] void Inner(int left) {
  if (left > 0)
    Inner<kKind>(left - 1);
  else
    CaptureHere();
  benchmark::ClobberMemory();
}

int Outer(const benchmark::State& state, int changing) {
  session::EnsureSegment();
  return static_cast<int>(state.range(0)) - changing;
}

void BM_SameStack(benchmark::State& state) {
  AtDepth(Outer(state, 0), state, [](unsigned) { CaptureHere(); });
}
BENCHMARK(BM_SameStack)->Arg(10)->Arg(40);

constexpr int kChanging = 4;

void BM_InnerFramesChange(benchmark::State& state) {
  AtDepth(Outer(state, kChanging), state,
          [](unsigned turn) { turn == 0 ? Inner<0>(kChanging) : Inner<1>(kChanging); });
}
BENCHMARK(BM_InnerFramesChange)->Arg(10)->Arg(40);

void BM_WholeStackIsWalked(benchmark::State& state) {
  AtDepth(Outer(state, 0), state, [](unsigned) {
    t_thread.record->walk.Forget();
    CaptureHere();
  });
}
BENCHMARK(BM_WholeStackIsWalked)->Arg(10)->Arg(40);

void BM_AllocateAndFreeExactly(benchmark::State& state) {
  session::EnsureSegment();
  char block = 0;
  for (auto _ : state) {
    session::OnAllocation(&block, 48, {kWeightOne}, sys::CaptureCaller());
    session::OnFree(&block);
  }
}
BENCHMARK(BM_AllocateAndFreeExactly);

}  // namespace
}  // namespace limpet

int main(int argc, char** argv) {
  limpet::session::Start();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  limpet::session::Finish(/*keeps_segment=*/false);
}
