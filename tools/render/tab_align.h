// Aligns text in columns as Go's text/tabwriter does with (minwidth 1, tabwidth 8, padding 1,
// '\t'), which is how net/http/pprof prints: a cell ends at a tab, and cells of neighbouring lines
// in one column get one width, in tabs.
//
//   "#\t0x1\tf\tb\n#\t0x1234567\tlong\tb\n"  ->  #<tab>0x1<tab><tab>f<tab>b
//                                                #<tab>0x1234567<tab>long<tab>b
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <string>

namespace limpet {

std::string AlignTabs(const std::string& text);

}  // namespace limpet
