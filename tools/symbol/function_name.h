// What a DWARF entry says about its function: the name and where it was declared.
//
// The name is the linkage name if there is one. g++ leaves it out for all that other files cannot
// call: lambdas, methods of local classes, unnamed namespaces. Then the name is put together from
// the entries around the declaration: "(anonymous namespace)::Queue::Push".
//
// Runs: companion.  Threads: one at a time.  Allocates: yes.
#pragma once

#include <elfutils/libdw.h>

#include <string>

namespace limpet {

struct FunctionName {
  std::string name;         // for people; empty: unknown
  std::string system_name;  // the linker's, or `name`
  int start_line = 0;
  bool is_linkage_name = false;
};

FunctionName ReadFunctionName(Dwarf_Die function);

}  // namespace limpet
