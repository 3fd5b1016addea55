// A function's name without what makes it long: parameters, template arguments, return type.
//
//   void Pool<Task>::Run(Task const&) const         Pool::Run
//   (anonymous namespace)::Queue::Pop()             {anonymous}::Queue::Pop
//   main::{lambda(int)#1}::operator()(int) const    main::{lambda#1}::operator()
//   int (*Pick(int))(char)                          Pick
//   <alloc::vec::Vec<T> as core::ops::Drop>::drop   <alloc::vec::Vec as core::ops::Drop>::drop
//
// Go's parsers of stacks take a name up to the parenthesis of its arguments, and refuse nested
// ones.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <string>
#include <string_view>

namespace limpet {

// Never empty where `name` is not; without parentheses but those of `operator()` and Go's methods.
std::string SimpleName(std::string_view name);

// The name as it is but for what Go's parsers would take for something else: of code that a
// compiler at run time named in words of its own.
//
//   void [app] Shop::Pay()[Tier0]            void [app] Shop::Pay{}[Tier0]
//   LazyCompile:~handler /app/server.js:12:5
std::string WholeName(std::string_view name);

}  // namespace limpet
