// Which file a command runs, as the shell and the kernel find it.
//
//   "serve"  --PATH-->  /usr/bin/serve  --#!/usr/bin/env python3-->  /usr/bin/python3
//            FindCommand                FindProgram
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace limpet {

// The file that execvp() would run for `name`. NotFound: there is none (status 127 by custom);
// PermissionDenied: there is one that may not be executed (126).
absl::StatusOr<std::string> FindCommand(const std::string& name, const std::string& search_path);

// The program that runs `file` in the end: itself, or the interpreter of a script. An interpreter
// that is missing is an error as in FindCommand.
absl::StatusOr<std::string> FindProgram(const std::string& file, const std::string& search_path);

// PATH of this process, or what execvp() takes without one.
std::string SearchPath();

}  // namespace limpet
