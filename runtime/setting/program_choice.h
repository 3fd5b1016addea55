// LIMPET_ONLY and LIMPET_FOLLOW: which programs of a process tree are traced.
//
//   only   = pattern {, pattern}      * any letters, ? one; against the name of the program
//   follow = fork | exec | fork,exec | none
//
// Runs: target startup | companion.  Threads: any.  Allocates: never.
#pragma once

#include <cstddef>

#include "runtime/setting/value_grammar.h"

namespace limpet {

// True when all of `name` fits the pattern [pattern, end). Goes back to the last * only: that is
// enough, because an earlier one could take nothing that the last one cannot.
inline bool MatchesPattern(const char* pattern, const char* end, const char* name) {
  const char* star = nullptr;
  const char* star_name = nullptr;
  while (*name != '\0') {
    if (pattern != end && *pattern == '*') {
      star = ++pattern;
      star_name = name;
    } else if (pattern != end && (*pattern == '?' || *pattern == *name)) {
      ++pattern, ++name;
    } else if (star != nullptr) {
      pattern = star;
      name = ++star_name;
    } else {
      return false;
    }
  }
  while (pattern != end && *pattern == '*') ++pattern;
  return pattern == end;
}

// True for an empty list too, which leaves out nothing.
inline bool IsChosenProgram(const char* list, const char* name) {
  if (*list == '\0') return true;
  for (;;) {
    const char* end = list;
    while (*end != '\0' && *end != ',') ++end;
    if (end != list && MatchesPattern(list, end, name)) return true;
    if (*end == '\0') return false;
    list = end + 1;
  }
}

struct FollowedChildren {
  bool forked = true;
  bool executed = true;
};

// False leaves `children` as they were.
[[nodiscard]] inline bool ParseFollow(const char* text, FollowedChildren* children) {
  using grammar::EqualsIgnoringCase;
  bool both = EqualsIgnoringCase(text, "fork,exec") || EqualsIgnoringCase(text, "exec,fork");
  bool forked = both || EqualsIgnoringCase(text, "fork");
  bool executed = both || EqualsIgnoringCase(text, "exec");
  if (!forked && !executed && !EqualsIgnoringCase(text, "none")) return false;
  *children = {forked, executed};
  return true;
}

}  // namespace limpet
