// Any bytes as what /proc and cgroups say: parsed or absent. The input's first byte chooses the
// file.
//
// Runs: fuzzer.  Threads: one.  Allocates: yes.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/temporary_directory.h"
#include "tools/reader/memory_limit.h"
#include "tools/reader/proc_text.h"
#include "tools/reader/process_facts.h"

namespace limpet {
namespace {

constexpr const char* kFiles[] = {
    "proc/42/stat",      "proc/42/status",        "proc/42/maps",
    "proc/42/environ",   "proc/42/cgroup",        "proc/self/mountinfo",
    "cgroup/memory.max", "cgroup/memory.current", "cgroup/memory.stat"};
constexpr std::size_t kFileCount = std::size(kFiles);

// A machine that makes sense but for the one file that is the input.
class Machine {
 public:
  Machine() {
    Write("proc/42/stat", "42 (a b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21\n");
    Write("proc/42/cgroup", "0::/\n");
    Write("proc/self/mountinfo", "30 23 0:26 / /cgroup rw - cgroup2 cgroup2 rw\n");
    Write("cgroup/memory.max", "1000\n");
    Write("cgroup/memory.current", "900\n");
  }

  void Write(const std::string& name, const std::string& text) const {
    const std::filesystem::path file = root_.File(name);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
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
  if (count == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(bytes + 1), count - 1);
  const limpet::Machine machine;
  machine.Write(limpet::kFiles[bytes[0] % limpet::kFileCount], text);
  machine.Read();
  return 0;
}
