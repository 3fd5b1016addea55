// A program whose functions and lines are known: the comments "line: NAME" mark what tests look
// for.
#include <cstdlib>

namespace {

[[gnu::always_inline]] inline int Innermost(int value) {
  return value * std::rand();  // line: innermost
}

template <typename Value>
[[gnu::always_inline]] inline Value Middle(Value value) {
  return Innermost(value) + 1;  // line: middle
}

struct Local {
  int factor;
  [[gnu::noinline]] int Multiply(int value) const;
};

[[gnu::noinline]] int Local::Multiply(int value) const {
  return factor * std::abs(value) + std::rand();
}

}  // namespace

namespace shop {

class Shelf {
 public:
  explicit Shelf(int size) : size_(size) {}
  [[gnu::noinline]] int Count(int value) const;

 private:
  int size_;
};

[[gnu::noinline]] int Shelf::Count(int value) const {
  return Middle(value) + size_;  // line: count
}

[[gnu::noinline]] int Sort(int value) {
  const auto by_lambda = [value](int other) __attribute__((noinline)) {
    return std::rand() - value * other;  // line: lambda
  };
  return by_lambda(value) + by_lambda(value + 1);
}

}  // namespace shop

extern "C" [[gnu::noinline]] int plain_c_function(int value) { return std::rand() + value; }

[[gnu::weak]] int weak_function(int value) { return plain_c_function(value) + std::rand(); }

int main(int count, char**) {
  const shop::Shelf shelf(count);
  return shelf.Count(count) + shop::Sort(count) + Local{count}.Multiply(count) +
             weak_function(count) >
         0;
}
