// limpet: the companion's command line. Binds flags to the options of each verb and prints the one
// message that a failed verb comes back with.
//
// Runs: companion.  Threads: one.  Allocates: yes.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "absl/strings/str_format.h"
#include "tools/cli/commands.h"
#include "tools/cli/exit_code.h"

namespace limpet {
namespace {

constexpr char kVersion[] = LIMPET_VERSION;

struct Options {
  DumpOptions dump;
  StacksOptions stacks;
  DeadlocksOptions deadlocks;
  WatchCommandOptions watch;
  PsOptions ps;
  RunOptions run;
  DoctorOptions doctor;
};

CLI::App* AddDump(CLI::App& app, DumpOptions& options) {
  CLI::App* const verb = app.add_subcommand("dump", "write profiles of a process, dead or alive");
  verb->add_option("target", options.target, "PID, or path of a segment file")
      ->required()
      ->type_name("");
  verb->add_option(
          "-p,--profiles", options.profiles,
          "heap, allocs, mmap, goroutine, block, mutex, wait, threadcreate; several by commas")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("NAME");
  verb->add_option("-o,--output", options.output, "file name, - is stdout (LIMPET_DIR)")
      ->type_name("PATTERN");
  verb->add_option("-f,--format", options.format,
                   "pprof, text, collapsed, raw, or go2 of goroutine")
      ->type_name("NAME")
      ->capture_default_str();
  verb->add_option("--reason", options.reason)->group("");
  verb->add_flag("--tree", options.with_descendants, "with all descendants of PID, as one profile");
  verb->add_option("--runtime-dir", options.runtime_directory)->group("");
  verb->add_option("--directory", options.directory)->group("");
  verb->add_option("--segment-fd", options.segment_descriptor)->group("");
  verb->footer(
      "In a PATTERN: %e executable, %p PID, %s start, %t UTC time, %n number, %h host, %P "
      "profile.\n\n"
      "  limpet dump 4242\n"
      "  limpet dump --tree 4242\n"
      "  limpet dump 4242 -p heap -o heap.pb.gz && go tool pprof -http=: heap.pb.gz");
  return verb;
}

CLI::App* AddStacks(CLI::App& app, StacksOptions& options) {
  CLI::App* const verb =
      app.add_subcommand("stacks", "show each thread, and why it waits; dead or alive");
  verb->add_option("target", options.target, "PID, or path of a segment file")
      ->required()
      ->type_name("");
  verb->add_option("--blocked", options.blocked, "only those that wait that long, as 5s")
      ->type_name("TIME");
  verb->add_flag("--go", options.go, "as Go prints goroutines");
  verb->add_flag("--json", options.json, "for programs; the names are stable");
  verb->footer("  limpet stacks 4242\n  limpet stacks --blocked 5s 4242");
  return verb;
}

CLI::App* AddDeadlocks(CLI::App& app, DeadlocksOptions& options) {
  CLI::App* const verb = app.add_subcommand(
      "deadlocks", "find threads that wait for each other, or for who has ended; dead or alive");
  verb->add_option("target", options.target, "PID, or path of a segment file")
      ->required()
      ->type_name("");
  verb->add_flag("--json", options.json, "for programs; the names are stable");
  verb->footer(
      "Exit code 1: there is a deadlock, an orphaned lock or a convoy.\n\n"
      "  limpet deadlocks 4242");
  return verb;
}

// Started by `limpet run` and by traced programs, not by people.
CLI::App* AddWatch(CLI::App& app, WatchCommandOptions& options) {
  CLI::App* const verb =
      app.add_subcommand("watch", "dump processes as they ask for it")->group("");
  verb->add_option("--runtime-dir", options.runtime_directory)->required();
  verb->add_option("--directory", options.directory);
  verb->add_option("--key", options.key);
  verb->add_option("--pid", options.pid);
  return verb;
}

CLI::App* AddPs(CLI::App& app, PsOptions& options) {
  CLI::App* const verb = app.add_subcommand("ps", "list traced processes, dead or alive");
  verb->add_flag("--json", options.json, "for programs; the names are stable");
  verb->footer("  limpet ps");
  return verb;
}

CLI::App* AddRun(CLI::App& app, RunOptions& options) {
  CLI::App* const verb = app.add_subcommand("run", "start a program traced");
  verb->positionals_at_end();  // what follows COMMAND is the command's, also what looks like ours
  verb->add_option("command", options.command, "program and its arguments, behind --")
      ->required()
      ->type_name("");
  verb->add_option("-s,--sample-bytes", options.sample_bytes,
                   "mean bytes between samples, 1: every allocation (LIMPET_SAMPLE_BYTES)")
      ->type_name("SIZE");
  verb->add_option("-d,--directory", options.directory, "where dumps go (LIMPET_DIR)")
      ->type_name("FOLDER");
  verb->add_option("--every", options.every, "dump each time so much has passed (LIMPET_EVERY)")
      ->type_name("TIME");
  verb->add_option("--dump-on", options.dump_on,
                   "growth:SIZE, highwater:N%, cgroup:N%, exit (LIMPET_DUMP_ON)")
      ->type_name("LIST");
  verb->add_option("--keep", options.keep, "dumps of a process that are kept (LIMPET_KEEP)")
      ->type_name("N");
  verb->add_option("--signal", options.signal, "USR1, USR2, RTMIN+n, none (LIMPET_SIGNAL)")
      ->type_name("NAME");
  verb->add_option("--max-bytes", options.max_bytes, "limit of the segment (LIMPET_MAX_BYTES)")
      ->type_name("SIZE");
  verb->add_option("--allocator", options.allocator, "jemalloc; default: the program's own")
      ->type_name("NAME");
  verb->add_flag("--dump-at-exit", options.dump_at_exit, "also dump when it ends");
  verb->add_flag("--mmap", options.trace_mappings, "trace anonymous memory mappings too");
  verb->add_flag("--force", options.forces, "also where only children can be traced");
  verb->footer("  limpet run -s 64KiB --every 30s -- ./server --port 80");
  return verb;
}

CLI::App* AddDoctor(CLI::App& app, DoctorOptions& options) {
  CLI::App* const verb = app.add_subcommand("doctor", "say what would keep limpet from working");
  verb->positionals_at_end();
  verb->add_option("target", options.target, "PID or command; default: this machine")
      ->type_name("");
  verb->add_flag("--json", options.json, "for programs; the names are stable");
  verb->footer("  limpet doctor\n  limpet doctor ./server");
  return verb;
}

int Report(const absl::StatusOr<int>& result) {
  if (result.ok()) return *result;
  absl::FPrintF(stderr, "limpet: %s\n", std::string(result.status().message()));
  return ExitCodeOf(result.status());
}

std::string ParseMessage(const CLI::App*, const CLI::Error& error) {
  return absl::StrFormat("limpet: %s; see `limpet --help`, `limpet VERB --help`\n", error.what());
}

// CLI11 has an exit code of its own for each kind of mistake; ours is one.
int ReportParse(const CLI::App& app, const CLI::ParseError& error) {
  const int code = app.exit(error);
  return code == 0 ? kExitOk : kExitUsage;  // --help and --version come this way too
}

int Main(int count, char** arguments) {
  CLI::App app("limpet watches where a running program's memory goes.", "limpet");
  app.set_version_flag("--version", std::string("limpet ") + kVersion);
  app.require_subcommand(1);
  app.failure_message(ParseMessage);
  app.footer(
      "Exit codes: 0 fine, 1 a finding, 2 usage, 3 not traced, 4 bad data, 5 permission.\n"
      "`limpet VERB --help` says more.");
  Options options;
  const CLI::App* const run = AddRun(app, options.run);
  const CLI::App* const ps = AddPs(app, options.ps);
  const CLI::App* const dump = AddDump(app, options.dump);
  const CLI::App* const stacks = AddStacks(app, options.stacks);
  const CLI::App* const deadlocks = AddDeadlocks(app, options.deadlocks);
  const CLI::App* const watch = AddWatch(app, options.watch);
  AddDoctor(app, options.doctor);
  try {
    app.parse(count, arguments);
  } catch (const CLI::ParseError& error) {
    return ReportParse(app, error);
  }
  if (run->parsed()) return Report(RunCommand(options.run));
  if (ps->parsed()) return Report(PsCommand(options.ps));
  if (watch->parsed()) return Report(WatchCommand(options.watch));
  if (dump->parsed()) return Report(DumpCommand(options.dump));
  if (stacks->parsed()) return Report(StacksCommand(options.stacks));
  if (deadlocks->parsed()) return Report(DeadlocksCommand(options.deadlocks));
  return Report(DoctorCommand(options.doctor));
}

}  // namespace
}  // namespace limpet

int main(int count, char** arguments) { return limpet::Main(count, arguments); }
