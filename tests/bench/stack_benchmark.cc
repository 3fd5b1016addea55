// What one sample costs inside: walk and intern a stack, and the tables of a live block.

#include <benchmark/benchmark.h>

#include <memory>

#include "runtime/session.h"
#include "runtime/sys/caller_frame.h"
#include "runtime/tracer.h"

namespace limpet {
namespace {

[[gnu::noinline]] void CaptureHere() {
  benchmark::DoNotOptimize(g_tracer.Capture(t_thread, sys::CaptureCaller()));
}

// The stack as a program has it between two samples: its outer frames stay, its inner ones change.
[[gnu::noinline]] void AtDepth(int levels, benchmark::State& state, int changing) {
  if (levels > changing) {
    AtDepth(levels - 1, state, changing);
    benchmark::ClobberMemory();
    return;
  }
  struct Inner {
    [[gnu::noinline]] static void Go(int left) {
      if (left > 0)
        Go(left - 1);
      else
        CaptureHere();
      benchmark::ClobberMemory();
    }
  };
  for (auto _ : state) Inner::Go(changing);
}

void BM_SameStack(benchmark::State& state) {
  session::EnsureSegment();
  AtDepth(static_cast<int>(state.range(0)), state, 0);
}
BENCHMARK(BM_SameStack)->Arg(10)->Arg(40);

void BM_InnerFramesChange(benchmark::State& state) {
  session::EnsureSegment();
  AtDepth(static_cast<int>(state.range(0)), state, 4);
}
BENCHMARK(BM_InnerFramesChange)->Arg(10)->Arg(40);

void BM_WholeStackIsWalked(benchmark::State& state) {
  session::EnsureSegment();
  struct Forget {
    [[gnu::noinline]] static void Go(int left) {
      if (left > 0) {
        Go(left - 1);
      } else {
        t_thread.record->walk.Forget();
        CaptureHere();
      }
      benchmark::ClobberMemory();
    }
  };
  for (auto _ : state) Forget::Go(static_cast<int>(state.range(0)));
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
  limpet::session::Finish();
}
