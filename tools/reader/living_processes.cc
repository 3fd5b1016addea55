#include "tools/reader/living_processes.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_format.h"
#include "tools/reader/proc_text.h"
#include "tools/reader/process_facts.h"
#include "tools/reader/small_file.h"

namespace limpet {
namespace {

// That of the machine, from which all processes are seen: PROC_PID_INIT_INO of the kernel.
constexpr std::uint64_t kFirstNamespace = 0xEFFFFFFC;

// 0: we may not look.
std::uint64_t ReadNamespace(const std::string& folder) {
  std::error_code error;
  const std::string link = std::filesystem::read_symlink(folder + "/ns/pid", error).string();
  return ParseNamespaceLink(link).value_or(0);
}

// Nothing: it is dead, or there is none.
std::optional<LivingProcess> ReadLiving(std::uint32_t pid, const std::string& proc) {
  const std::string folder = absl::StrFormat("%s/%d", proc, pid);
  const std::optional<StatFacts> stat = ParseStat(ReadSmallFile(folder + "/stat").value_or(""));
  if (!stat.has_value() || stat->IsDead()) return std::nullopt;
  const std::string status = ReadSmallFile(folder + "/status").value_or("");
  return LivingProcess{.pid = pid,
                       .namespace_pid = ParseNamespacePid(status).value_or(pid),
                       .start_ticks = stat->start_ticks,
                       .pid_namespace = ReadNamespace(folder)};
}

}  // namespace

SegmentOwner OwnerOf(const SegmentSnapshot& snapshot) {
  return {.pid = snapshot.pid,
          .start_ticks = snapshot.start_ticks,
          .pid_namespace = snapshot.pid_namespace,
          .has_writer = snapshot.has_writer};
}

bool LivesHere(const SegmentName& name, const std::string& proc) {
  const std::optional<LivingProcess> process = ReadLiving(name.pid, proc);
  return process.has_value() && process->namespace_pid == name.pid &&
         process->start_ticks == name.start_ticks;
}

LivingProcesses LivingProcesses::Read(const std::string& proc) {
  LivingProcesses living;
  living.own_namespace_ = ReadNamespace(proc + "/self");
  for (const std::uint32_t pid : ListProcesses(proc)) {
    const std::optional<LivingProcess> process = ReadLiving(pid, proc);
    if (process.has_value()) living.processes_.push_back(*process);
  }
  return living;
}

std::optional<std::uint32_t> LivingProcesses::Find(const SegmentOwner& owner) const {
  for (const LivingProcess& process : processes_) {
    const bool is_same_namespace = process.pid_namespace == owner.pid_namespace ||
                                   process.pid_namespace == 0 || owner.pid_namespace == 0;
    if (is_same_namespace && process.namespace_pid == owner.pid &&
        process.start_ticks == owner.start_ticks) {
      return process.pid;
    }
  }
  return std::nullopt;
}

Life LivingProcesses::LifeOf(const SegmentOwner& owner) const {
  if (Find(owner).has_value()) return Life::kAlive;
  const bool is_dead =
      owner.pid_namespace == 0 || WouldSee(owner.pid_namespace) || !owner.has_writer.value_or(true);
  return is_dead ? Life::kDead : Life::kOtherContainer;
}

bool LivingProcesses::Has(std::uint32_t pid) const {
  return std::any_of(processes_.begin(), processes_.end(),
                     [pid](const LivingProcess& process) { return process.pid == pid; });
}

bool LivingProcesses::WouldSee(std::uint64_t pid_namespace) const {
  if (own_namespace_ == pid_namespace || own_namespace_ == kFirstNamespace) return true;
  return std::any_of(processes_.begin(), processes_.end(),
                     [pid_namespace](const LivingProcess& process) {
                       return process.pid_namespace == pid_namespace;
                     });
}

}  // namespace limpet
