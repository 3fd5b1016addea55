#include "tools/cli/dump_tree.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/cli/dump_target.h"
#include "tools/cli/dump_writer.h"
#include "tools/profile/profile_builder.h"
#include "tools/profile/profile_merger.h"
#include "tools/profile/thread_lister.h"
#include "tools/profile/tree_comments.h"
#include "tools/reader/perf_map.h"
#include "tools/reader/process_tree.h"
#include "tools/symbol/cached_symbolizer.h"
#include "tools/symbol/elf_symbolizer.h"

namespace limpet {
namespace {

constexpr char kNamePrefix[] = "tree-";

// Processes of one profile so far.
struct Sum {
  ProfileMerger merger;
  std::vector<ProcessPart> parts;
};

// heap and allocs are the same samples, added up once.
std::string SumOf(const std::string& profile) { return profile == "allocs" ? "heap" : profile; }

std::set<std::string> SumsOf(const std::vector<std::string>& profiles) {
  std::set<std::string> sums;
  for (const std::string& profile : profiles) sums.insert(SumOf(profile));
  return sums;
}

bool IsOfRunning(const Profile& profile, const ProfileSample& sample) {
  if (sample.labels < 0) return false;
  const LabelSet& labels = profile.label_sets[static_cast<std::size_t>(sample.labels)];
  const auto state = labels.texts.find(kStateLabel);
  return state != labels.texts.end() && state->second == kRunningState;
}

ProcessPart ThreadPartOf(std::uint32_t pid, const DumpTarget& target, const Profile& profile) {
  ProcessPart part{.pid = pid,
                   .program = BaseName(ProgramOf(target.snapshot)),
                   .losses = ListThreadLosses(target.snapshot),
                   .coverage = CoverageOf(target)};
  for (const ProfileSample& sample : profile.samples) {
    part.threads += sample.values[0];
    if (IsOfRunning(profile, sample)) part.running += sample.values[0];
  }
  return part;
}

ProcessPart EventPartOf(std::uint32_t pid, const DumpTarget& target, const Profile& profile) {
  ProcessPart part{.pid = pid,
                   .program = BaseName(ProgramOf(target.snapshot)),
                   .losses = ListThreadLosses(target.snapshot),
                   .coverage = CoverageOf(target)};
  for (const ProfileSample& sample : profile.samples) {
    part.events += static_cast<double>(sample.values.front());
    if (sample.values.size() > 1) part.delay_ns += static_cast<double>(sample.values.back());
  }
  return part;
}

ProcessPart PartOf(std::uint32_t pid, const DumpTarget& target, const Profile& profile) {
  if (profile.name == kGoroutineProfile) return ThreadPartOf(pid, target, profile);
  if (IsEventProfile(profile.name)) return EventPartOf(pid, target, profile);
  const EstimateKind kind = KindOf(profile.name);
  return {.pid = pid,
          .program = BaseName(ProgramOf(target.snapshot)),
          .interval_bytes = IntervalOf(target.snapshot, kind),
          .total = EstimateTotal(target.snapshot, kind),
          .losses = ListLosses(target.snapshot),
          .coverage = CoverageOf(target)};
}

LabelSet LabelsOf(const ProcessPart& part) {
  // A number without a unit: the only one that -tagfocus=pid=123 finds, and -tags and -tagroot show
  // as it is.
  return {.texts = {{kProcessLabel, part.program}},
          .numbers = {{kPidLabel, {std::int64_t{part.pid}, ""}}}};
}

bool IsThisProcess(const TreeProcess& process) {
  return process.is_alive && process.pid == static_cast<std::uint32_t>(getpid());
}

// Why a process has no share, in words that many can have in common.
LeftOutProcess LeftOut(const TreeProcess& process, const absl::Status& status) {
  LeftOutProcess left_out{.pid = process.pid, .reason = std::string(status.message())};
  const absl::StatusOr<ProcessFacts> facts = ReadProcess(process.pid);
  const bool is_alive = process.is_alive && facts.ok() && facts->is_alive;
  if (is_alive) left_out.program = BaseName(facts->executable);
  if (absl::IsNotFound(status)) left_out.reason = is_alive ? "not traced" : "ended";
  return left_out;
}

class TreeDump {
 public:
  TreeDump(std::uint32_t root, const DumpOptions& options)
      : options_(options), tree_{.root_pid = root}, symbolizer_(files_) {}

  absl::Status Run() {
    std::vector<TreeProcess> processes =
        FindProcessTree(tree_.root_pid, options_.runtime_directory);
    std::erase_if(processes, IsThisProcess);  // a child of the shell that is asked for
    absl::Status failure;
    for (const TreeProcess& process : processes) {
      absl::Status status = AddProcess(process);
      if (!status.ok()) failure = std::move(status);
    }
    files_.Forget();
    if (sums_.empty() && processes.size() == 1) return failure;
    for (const std::string& line : LeftOutLines(tree_.left_out)) {
      absl::FPrintF(stderr, "limpet: %s\n", line);
    }
    return sums_.empty() ? NothingToRead() : Write();
  }

 private:
  absl::Status AddProcess(const TreeProcess& process) {
    DumpOptions options = options_;
    const bool is_file = !process.is_alive && !process.segment.empty();
    options.target = is_file ? process.segment : absl::StrCat(process.pid);
    const absl::StatusOr<DumpTarget> target = FindDumpTarget(options);
    absl::Status status = target.ok() ? Add(process.pid, *target) : target.status();
    if (status.ok()) return status;
    tree_.left_out.push_back(LeftOut(process, status));
    if (process.pid == tree_.root_pid) NameByRoot(process);
    return status;
  }

  absl::Status Add(std::uint32_t pid, const DumpTarget& target) {
    const PerfMap jit_names = PerfMap::Load(target.snapshot.pid, target.snapshot.owner_uid);
    ProfileBuilder builder(target.snapshot, symbolizer_, &jit_names);
    const std::int64_t time_unix_ns = SnapshotTime(target);
    for (const std::string& name : SumsOf(ProfilesOf(target))) {
      const absl::StatusOr<Profile> profile =
          builder.Build(name, {.time_unix_ns = time_unix_ns,
                               .monotonic_ns = MonotonicTime(target),
                               .is_alive = target.IsRunning()});
      if (!profile.ok()) return profile.status();
      ProcessPart part = PartOf(pid, target, *profile);
      if (pid == tree_.root_pid) tree_.root_program = part.program;
      Sum& sum = sums_[name];
      sum.merger.Add(*profile, LabelsOf(part));
      sum.parts.push_back(std::move(part));
    }
    if (!place_.has_value()) place_ = PlaceOf(target, options_);
    return absl::OkStatus();
  }

  std::vector<std::string> ProfilesOf(const DumpTarget& target) const {
    return options_.profiles.empty() ? DefaultProfiles(target.snapshot) : options_.profiles;
  }

  // A shell that was not traced itself still says where the dumps belong.
  void NameByRoot(const TreeProcess& root) {
    const absl::StatusOr<ProcessFacts> facts = ReadProcess(root.pid);
    if (!root.is_alive || !facts.ok()) return;
    tree_.root_program = BaseName(facts->executable);
    place_ = PlaceOf(EmptyTarget(*facts), options_);
  }

  absl::Status NothingToRead() const {
    return absl::NotFoundError(
        absl::StrFormat("none of the %d processes from %d downwards can be shown: start them by "
                        "`limpet run -- COMMAND`; `limpet ps` lists what is traced",
                        tree_.left_out.size(), tree_.root_pid));
  }

  absl::Status Write() {
    std::vector<RenderedProfile> rendered;
    std::vector<std::string> names = options_.profiles;
    if (names.empty()) names = {"heap", "allocs"};
    for (const std::string& name : KnownProfiles()) {
      const bool is_new = std::find(names.begin(), names.end(), name) == names.end();
      if (options_.profiles.empty() && is_new && sums_.contains(name)) names.push_back(name);
    }
    std::map<std::string, Profile> merged;
    for (auto& [name, sum] : sums_) merged[name] = sum.merger.Take();
    for (const std::string& name : names) {
      Profile& profile = merged[SumOf(name)];
      Describe(name, profile);
      place_->names.time_unix_ns = std::max(place_->names.time_unix_ns, profile.time_unix_ns);
      absl::StatusOr<std::string> bytes = Render(profile, options_.format);
      if (!bytes.ok()) return bytes.status();
      rendered.push_back({kNamePrefix + name, *std::move(bytes)});
    }
    if (place_->request.has_value()) {
      place_->request->dump.time = FormatUtc(place_->names.time_unix_ns);
    }
    return WriteProfiles(std::move(rendered), *place_, options_);
  }

  void Describe(const std::string& name, Profile& profile) {
    tree_.profile = name;
    tree_.parts = sums_[SumOf(name)].parts;
    profile.name = name;
    profile.default_sample_type = ShownFirst(name);
    profile.comments = TreeComments(tree_);
  }

  const DumpOptions& options_;
  ProcessTreeParts tree_;
  ElfSymbolizer files_;
  CachedSymbolizer symbolizer_;
  std::map<std::string, Sum> sums_;
  std::optional<DumpPlace> place_;  // of the root, if anything is known of it
};

}  // namespace

absl::Status DumpTree(const DumpOptions& options) {
  std::uint32_t root = 0;
  if (!absl::SimpleAtoi(options.target, &root)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("--tree takes a PID, and '%s' is none", options.target));
  }
  return TreeDump(root, options).Run();
}

}  // namespace limpet
