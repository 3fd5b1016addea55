// A shared object of which only the dynamic symbols are left after stripping.
#include <cstdlib>

namespace {
[[gnu::noinline]] int Hidden(int value) { return std::rand() % value; }
}  // namespace

namespace depot {
[[gnu::visibility("default"), gnu::noinline]] int Visible(int value) { return std::rand() + value; }
[[gnu::visibility("default")]] int Caller(int value) { return Hidden(value) + Visible(value); }
}  // namespace depot
