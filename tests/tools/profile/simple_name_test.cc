#include "tools/profile/simple_name.h"

#include <gtest/gtest.h>

namespace limpet {
namespace {

struct Example {
  const char* name;
  const char* simple;
};

constexpr Example kExamples[] = {
    {"main", "main"},
    {"grow(int)", "grow"},
    {"Queue::Pop(std::unique_lock<std::mutex>&) const", "Queue::Pop"},
    {"(anonymous namespace)::Queue::Pop()", "{anonymous}::Queue::Pop"},
    {"void std::__atomic_wait_address_v<int, int>(int const*, int)",
     "std::__atomic_wait_address_v"},
    {"std::map<int, std::pair<int, int> >::operator[](int&&)", "std::map::operator[]"},
    {"main::{lambda(int)#1}::operator()(int) const", "main::{lambda#1}::operator()"},
    {"main::<lambda(int)>::operator()(int) const", "main::{lambda}::operator()"},
    {"serve(int)::{lambda()#2}::operator()() const", "serve::{lambda#2}::operator()"},
    {"std::function<void (int)>::operator()(int) const", "std::function::operator()"},
    {"std::ostream& operator<< <char>(std::ostream&, char)", "operator<<"},
    {"bool operator<(A const&, B const&)", "operator<"},
    {"A::operator->() const", "A::operator->"},
    {"A::operator unsigned long() const", "A::operator unsigned long"},
    {"operator new(unsigned long)", "operator new"},
    {"A::~A()", "A::~A"},
    {"Get[abi:cxx11](int)", "Get"},
    {"serve(int) [clone .part.0]", "serve"},
    {"decltype(auto) Call<int>(int)", "Call"},
    {"decltype (f(a->b)) Call<int>(int)", "Call"},
    {"int (*Pick(int))(char)", "Pick"},
    {"int (*Pool<int (*)(char)>::Pick(int) const)(char)", "Pool::Pick"},
    {"int (&Row(int)) [4]", "Row"},
    {"void (A::*Handler(int))(char)", "Handler"},
    {"void (*(*Deep(int))(char))(long)", "Deep"},
    {"void (*Call<int>(void (*)(int)))(int)", "Call"},
    {"void (anonymous namespace)::Work<int>(int)", "{anonymous}::Work"},
    {"std::vector<int> (anonymous namespace)::A::Get() const", "{anonymous}::A::Get"},
    {"void app::(anonymous namespace)::Work<int>(int)", "app::{anonymous}::Work"},
    {"operator\"\" _km(long double)", "operator\"\" _km"},
    {"Length app::operator\"\" _km<char>(long double)", "app::operator\"\" _km"},
    {"void f<(1 > 2)>(int)", "f"},
    {"f<1 > 2>", "f"},
    {"void f<1 > 2>(int)", "f"},
    {"a.((b))", "a."},
    {"runtime.(*T[go.shape.int]).Get", "runtime.(*T).Get"},
    {"unsigned long Sum<std::vector<int> >(int) const &", "Sum"},
    {"<alloc::vec::Vec<T> as core::ops::drop::Drop>::drop",
     "<alloc::vec::Vec as core::ops::drop::Drop>::drop"},
    {"<std::sync::mpsc::Receiver<i32>>::recv", "std::sync::mpsc::Receiver::recv"},
    {"core::iter::Iterator::collect::<alloc::vec::Vec<u8>>", "core::iter::Iterator::collect"},
    {"core::ops::function::FnOnce::call_once{{vtable.shim}}",
     "core::ops::function::FnOnce::call_once{{vtable.shim}}"},
    {"app::main::{{closure}}", "app::main::{{closure}}"},
    {"runtime.(*mheap).alloc", "runtime.(*mheap).alloc"},
    {"[jit]+0x7f00", "[jit]+0x7f00"},
    {"[unknown stack]", "[unknown stack]"},
    {"libfoo.so+0x1a2b", "libfoo.so+0x1a2b"},
    {"pthread_cond_wait@@GLIBC_2.3.2", "pthread_cond_wait@@GLIBC_2.3.2"},
    {"((((", "{{{{"},
    {"f(<)>", "f"},
    {"", ""},
};

TEST(SimpleName, IsTheNameAlone) {
  for (const Example& example : kExamples) {
    EXPECT_EQ(SimpleName(example.name), example.simple) << example.name;
  }
}

TEST(SimpleName, IsTheWholeOneOfCodeThatWasCompiledAtRunTime) {
  EXPECT_EQ(WholeName("void [System.Private.CoreLib] X::Y()[Tier0]"),
            "void [System.Private.CoreLib] X::Y{}[Tier0]");
  EXPECT_EQ(WholeName("LazyCompile:~handler /app/server.js:12:5"),
            "LazyCompile:~handler /app/server.js:12:5");
  EXPECT_EQ(WholeName("a.((b))"), "a.{{b}}");
  EXPECT_EQ(WholeName("goroutine 9 [running]:"), "goroutine_9 [running]:");
  EXPECT_EQ(WholeName("created by x"), "created_by x");
}

TEST(SimpleName, SurvivesWhatNobodyWouldWrite) {
  EXPECT_FALSE(SimpleName(std::string(50'000, '<') + std::string(50'000, '>')).empty());
  EXPECT_FALSE(SimpleName(std::string(50'000, '(')).empty());
  EXPECT_FALSE(SimpleName(std::string(50'000, ' ')).empty());
  std::string nested = "f";
  for (int depth = 0; depth < 5'000; ++depth) nested = "(*" + nested + ")()";
  EXPECT_FALSE(SimpleName(nested).empty());
}

}  // namespace
}  // namespace limpet
