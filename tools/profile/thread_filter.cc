#include "tools/profile/thread_filter.h"

#include <vector>

namespace limpet {

void KeepBlocked(std::uint64_t least_ns, ThreadDump& dump) {
  if (least_ns == 0) return;
  std::erase_if(dump.threads, [least_ns, &dump](const ListedThread& thread) {
    if (thread.waited_ns >= least_ns) return false;  // an unknown one is less than any
    const bool is_unknown = !thread.IsRunning() && !thread.waited_ns.has_value();
    ++(is_unknown ? dump.left_out.of_unknown_wait : dump.left_out.others);
    return true;
  });
}

}  // namespace limpet
