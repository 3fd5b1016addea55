// How the values of settings are written: sizes, switches, signals.
//
//   size   = digits [unit], unit = B K KiB KB M ... TB        switch = 1 0 true false yes no on off
//   signal = [SIG]name | RTMIN[+n] | digits | none                time = (digits unit)..., unit =
//   ns us ms s m h
//
// The target reads its environment by this grammar, and the companion tells by it beforehand what
// the target will not take.
//
// Runs: target startup | companion.  Threads: any.  Allocates: never.
#pragma once

#include <signal.h>

#include <cstddef>
#include <cstdint>

namespace limpet {
namespace grammar {

inline bool IsDigit(char c) { return c >= '0' && c <= '9'; }
inline char Upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

inline bool EqualsIgnoringCase(const char* a, const char* b) {
  while (*a != '\0' && Upper(*a) == Upper(*b)) ++a, ++b;
  return Upper(*a) == Upper(*b);
}

inline bool SkipPrefix(const char** text, const char* prefix) {
  const char* rest = *text;
  for (; *prefix != '\0'; ++prefix, ++rest) {
    if (Upper(*rest) != *prefix) return false;
  }
  *text = rest;
  return true;
}

inline bool TakeNumber(const char** text, std::uint64_t* value) {
  if (!IsDigit(**text)) return false;
  std::uint64_t number = 0;
  for (; IsDigit(**text); ++*text) {
    auto digit = static_cast<std::uint64_t>(**text - '0');
    if (__builtin_mul_overflow(number, 10, &number) ||
        __builtin_add_overflow(number, digit, &number))
      return false;
  }
  *value = number;
  return true;
}

struct Unit {
  const char* name;
  std::uint64_t size;  // bytes, or nanoseconds
};
inline constexpr std::uint64_t kTera = std::uint64_t{1} << 40;
inline constexpr Unit kUnits[] = {
    {"", 1},
    {"B", 1},
    {"K", 1 << 10},
    {"KiB", 1 << 10},
    {"KB", 1000},
    {"M", 1 << 20},
    {"MiB", 1 << 20},
    {"MB", 1'000'000},
    {"G", 1 << 30},
    {"GiB", 1 << 30},
    {"GB", 1'000'000'000},
    {"T", kTera},
    {"TiB", kTera},
    {"TB", 1'000'000'000'000},
};

inline constexpr Unit kTimeUnits[] = {
    // in nanoseconds
    {"ns", 1},
    {"us", 1'000},
    {"ms", 1'000'000},
    {"s", 1'000'000'000},
    {"m", 60'000'000'000},
    {"h", 3'600'000'000'000},
};

// The first of the units that the text begins with; nullptr: none.
inline const Unit* TakeTimeUnit(const char** text) {
  for (const Unit& unit : kTimeUnits) {
    const char* rest = *text;
    const char* name = unit.name;
    while (*name != '\0' && *rest == *name) ++rest, ++name;
    if (*name != '\0') continue;
    *text = rest;
    return &unit;
  }
  return nullptr;
}

struct SignalName {
  const char* name;
  int number;
};
inline constexpr SignalName kSignalNames[] = {
    {"NONE", 0},     {"HUP", SIGHUP},     {"QUIT", SIGQUIT}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2},
    {"URG", SIGURG}, {"WINCH", SIGWINCH}, {"IO", SIGIO},     {"PWR", SIGPWR},
};

inline bool IsUsableSignal(std::uint64_t number) {
  // A handler that returns from a fault runs the faulting instruction again, for ever; glibc keeps
  // 32 and 33 for its threads.
  static constexpr std::uint64_t kUnusable[] = {SIGKILL, SIGSTOP, SIGILL, SIGTRAP, SIGBUS,
                                                SIGFPE,  SIGSEGV, 32,     33};
  for (std::uint64_t unusable : kUnusable) {
    if (number == unusable) return false;
  }
  return number >= 1 && number <= 64;
}

}  // namespace grammar

// 4096, 512KiB, 1MB, 2G. All three: false leaves `value` as it was.
[[nodiscard]] inline bool ParseByteCount(const char* text, std::uint64_t* value) {
  std::uint64_t number = 0;
  if (!grammar::TakeNumber(&text, &number)) return false;
  for (const grammar::Unit& unit : grammar::kUnits) {
    if (!grammar::EqualsIgnoringCase(text, unit.name)) continue;
    bool fits = !__builtin_mul_overflow(number, unit.size, &number);
    if (fits) *value = number;
    return fits;
  }
  return false;
}

// 30s, 5m, 1h30m, in nanoseconds.
[[nodiscard]] inline bool ParseDuration(const char* text, std::uint64_t* value_ns) {
  std::uint64_t total_ns = 0;
  do {
    std::uint64_t number = 0;
    if (!grammar::TakeNumber(&text, &number)) return false;
    const grammar::Unit* unit = grammar::TakeTimeUnit(&text);
    if (unit == nullptr || __builtin_mul_overflow(number, unit->size, &number) ||
        __builtin_add_overflow(total_ns, number, &total_ns))
      return false;
  } while (*text != '\0');
  *value_ns = total_ns;
  return true;
}

// 1 0 true false yes no on off
[[nodiscard]] inline bool ParseSwitch(const char* text, bool* value) {
  static constexpr const char* kOn[] = {"1", "true", "yes", "on"};
  static constexpr const char* kOff[] = {"0", "false", "no", "off"};
  for (int i = 0; i < 4; ++i) {
    bool is_on = grammar::EqualsIgnoringCase(text, kOn[i]);
    if (!is_on && !grammar::EqualsIgnoringCase(text, kOff[i])) continue;
    *value = is_on;
    return true;
  }
  return false;
}

// USR1, SIGUSR2, RTMIN+3, 10; none is 0.
[[nodiscard]] inline bool ParseSignal(const char* text, int* value) {
  std::uint64_t number = 0;
  grammar::SkipPrefix(&text, "SIG");
  for (const grammar::SignalName& signal : grammar::kSignalNames) {
    if (!grammar::EqualsIgnoringCase(text, signal.name)) continue;
    *value = signal.number;
    return true;
  }
  bool is_realtime = grammar::SkipPrefix(&text, "RTMIN");
  bool is_bare = is_realtime && *text == '\0';
  if (is_realtime && *text == '+') ++text;
  if (!is_bare && (!grammar::TakeNumber(&text, &number) || *text != '\0' || number > 64))
    return false;
  if (is_realtime) number += static_cast<std::uint64_t>(SIGRTMIN);
  if (!grammar::IsUsableSignal(number)) return false;
  *value = static_cast<int>(number);
  return true;
}

}  // namespace limpet
