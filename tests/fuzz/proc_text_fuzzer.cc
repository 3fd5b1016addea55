// Any bytes as what /proc and cgroups say: parsed or absent. The input's first byte chooses the
// file.
//
// Runs: fuzzer.  Threads: one.  Allocates: yes.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/support/temporary_directory.h"
#include "tools/reader/memory_limit.h"
#include "tools/reader/proc_text.h"
#include "tools/reader/process_facts.h"

namespace limpet {
namespace {

struct UsualFile {
  const char* name;
  const char* text;
};
constexpr UsualFile kUsual[] = {
    {"proc/42/stat", "42 (a b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21\n"},
    {"proc/42/status", "NSpid:\t42\nUid:\t0\t0\t0\t0\nVmRSS:\t  12 kB\n"},
    {"proc/42/maps", "00400000-00401000 r-xp 00000000 00:00 0 /bin/app\n"},
    {"proc/42/environ", "LIMPET_DIR=/tmp"},
    {"proc/42/cgroup", "0::/\n"},
    {"proc/self/mountinfo", "30 23 0:26 / /cgroup rw - cgroup2 cgroup2 rw\n"},
    {"cgroup/memory.max", "1000\n"},
    {"cgroup/memory.current", "900\n"},
    {"cgroup/memory.stat", "anon 1\ninactive_file 2\n"},
};

// A machine that makes sense but for the one file that is the input.
class Machine {
 public:
  Machine() {
    for (const auto& [name, text] : kUsual) {
      std::filesystem::create_directories(std::filesystem::path(root_.File(name)).parent_path());
      Write(name, text);
    }
  }

  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(root_.File(name), std::ios::binary) << text;
  }

  void Read() const {
    const std::string proc = root_.File("proc");
    ReadProcess(42, proc).IgnoreError();
    ReadEnvironment(42, "LIMPET_DIR", proc);
    ReadMemoryLimit("42", root_.path());
  }

 private:
  TemporaryDirectory root_;
};

}  // namespace
}  // namespace limpet

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t count) {
  static const limpet::Machine machine;
  if (count == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(bytes + 1), count - 1);
  const limpet::UsualFile& file = limpet::kUsual[bytes[0] % std::size(limpet::kUsual)];
  machine.Write(file.name, text);
  machine.Read();
  machine.Write(file.name, file.text);
  return 0;
}
