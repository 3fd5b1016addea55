#include "tools/launch/command_path.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace limpet {
namespace {

constexpr int kMaxInterpreters = 5;        // the kernel's own limit
constexpr std::size_t kScriptBytes = 256;  // BINPRM_BUF_SIZE: what the kernel reads of a first line

absl::Status CheckExecutable(const std::string& file) {
  struct stat status;
  if (stat(file.c_str(), &status) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot run ", file));
  }
  if (S_ISDIR(status.st_mode)) return absl::PermissionDeniedError(file + " is a directory");
  if (access(file.c_str(), X_OK) != 0) {
    return absl::PermissionDeniedError(file + " is not executable; `chmod +x` makes it so");
  }
  return absl::OkStatus();
}

std::string FirstBytes(const std::string& file) {
  char text[kScriptBytes];
  int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return {};
  ssize_t count = read(descriptor, text, sizeof(text));
  close(descriptor);
  return {text, count > 0 ? static_cast<std::size_t>(count) : 0};
}

// The words of a `#!` line; empty if `text` is no script.
std::vector<std::string> InterpreterWords(absl::string_view text) {
  if (!absl::StartsWith(text, "#!")) return {};
  text = text.substr(2, text.find('\n') - 2);
  return absl::StrSplit(text, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
}

bool IsEnv(absl::string_view interpreter) {
  return interpreter.substr(interpreter.rfind('/') + 1) == "env";
}

// `env -S NAME=VALUE python3 -u`: the command that env looks for.
std::string CommandOfEnv(const std::vector<std::string>& words) {
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i][0] != '-' && !absl::StrContains(words[i], '=')) return words[i];
  }
  return {};
}

}  // namespace

std::string SearchPath() {
  const char* path = std::getenv("PATH");
  return path != nullptr ? path : "/bin:/usr/bin";
}

absl::StatusOr<std::string> FindCommand(const std::string& name, const std::string& search_path) {
  if (name.empty()) return absl::NotFoundError("the command is empty");
  if (absl::StrContains(name, '/')) {
    if (absl::Status status = CheckExecutable(name); !status.ok()) return status;
    return name;
  }
  // A file that may not be executed is told only when no later directory has one that may.
  absl::Status missing =
      absl::NotFoundError(absl::StrCat("there is no command '", name, "' on PATH"));
  for (absl::string_view directory : absl::StrSplit(search_path, ':')) {
    std::string file = absl::StrCat(directory.empty() ? "." : directory, "/", name);
    absl::Status status = CheckExecutable(file);
    if (status.ok()) return file;
    if (absl::IsPermissionDenied(status)) missing = status;
  }
  return missing;
}

absl::StatusOr<std::string> FindProgram(const std::string& file, const std::string& search_path) {
  std::string program = file;
  for (int i = 0; i < kMaxInterpreters; ++i) {
    std::string text = FirstBytes(program);
    std::vector<std::string> words = InterpreterWords(text);
    // execvp() gives a text without an interpreter line to the shell.
    bool is_bare_script = words.empty() && !text.empty() &&
                          !absl::StartsWith(text,
                                            "\x7f"
                                            "ELF");
    if (is_bare_script) words = {"/bin/sh"};
    if (words.empty()) return program;
    std::string next = IsEnv(words[0]) ? CommandOfEnv(words) : words[0];
    absl::StatusOr<std::string> found = FindCommand(next, search_path);
    if (!found.ok()) {
      return absl::Status(found.status().code(),
                          absl::StrCat(program, " is a script, and its interpreter fails: ",
                                       found.status().message()));
    }
    program = *found;
  }
  return absl::InvalidArgumentError(absl::StrCat(file, ": too many interpreters after another"));
}

}  // namespace limpet
