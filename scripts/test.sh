#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test and check.
#
#   scripts/test.sh          all tests: g++, and clang with address, undefined and thread sanitizers;
#                            format, lint, layers, symbols, real programs, some kills and forks
#   scripts/test.sh --long   also: real programs in exact mode, tests linted, a minute of each fuzzer,
#                            the tests held against broken sources, 10,000 kills and 20,000 forks,
#                            ten minutes of soak, one of scripts/decay.py, the test suites of real
#                            programs
#   scripts/test.sh --soak   builds, and an hour of soak (scripts/soak.sh)
#
# The last line is `N passed, N failed`: a gtest case, a test program, a real program and a check
# count one each. Logs lie in build-logs/.
#
# No `set -e`: a step that fails is counted, and the others go on.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

readonly logs=$PWD/build-logs
extent=usual
passed=0
failed=0
declare -A pid_of began_at

main() {
  parse "$@"
  rm -rf "$logs"
  mkdir -p "$logs"
  local setup=(scripts/setup.sh)
  if is_long; then setup+=(--long); fi
  "${setup[@]}" </dev/null || exit

  if [[ $extent == soak ]]; then run_soak; else run_tests; fi

  echo "$passed passed, $failed failed"
  ((failed == 0))
}

parse() {
  case $* in
  '') ;;
  --long) extent=long ;;
  --soak) extent=soak ;;
  *)
    echo "usage: scripts/test.sh [--long | --soak]" >&2
    exit 2
    ;;
  esac
}

is_long() { [[ $extent == long ]]; }

run_soak() {
  check build build build && campaign soak scripts/soak.sh 3600 4 build
}

# Checks of the text come first: they cost nothing and say most.
run_tests() {
  check layers scripts/check_layers.py
  check format check_format
  check shellcheck check_shell
  build_and_test
  if is_long; then run_long; fi
}

build_and_test() {
  if check build build build; then
    campaign tests suite build --no-rebuild
    check symbols scripts/check_symbols.py build
    check fast-paths scripts/check_fast_paths.py build
    campaign programs scripts/compare_programs.py build
    campaign kills scripts/kill_campaign.py --kills 200 build
    campaign forks scripts/fork_campaign.py --forks 300 build
  fi
  if check build-asan build build-asan -Db_sanitize=address,undefined; then
    campaign tests-asan suite build-asan --no-rebuild --no-suite scripts
    check tidy check_tidy
  fi
  # Threads meet in the runtime; the companion has one. Its tests alone are built, by running them.
  if check build-tsan configure build-tsan -Db_sanitize=thread; then
    local names
    mapfile -t names < <(tests_below build-tsan tests/runtime)
    campaign tests-tsan suite build-tsan "${names[@]}"
  fi
}

run_long() {
  campaign programs-exact scripts/compare_programs.py --sample-bytes 1 build
  if check build-fuzz build_fuzzers; then check fuzzers fuzz; fi
  campaign mutants env CC=gcc CXX=g++ scripts/check_mutants.py
  # Other programs' own tests sleep half of the time.
  start own-suites scripts/own_suites.py build
  campaign kills-long scripts/kill_campaign.py build
  campaign forks-long scripts/fork_campaign.py build
  finish own-suites
  campaign soak scripts/soak.sh 600 4 build
  campaign decay scripts/decay.py --rounds 1 60 build
}

# check NAME COMMAND...: one thing that is right or not.
check() {
  local name=$1 began=$SECONDS
  shift
  if "$@" >"$logs/$name.log" 2>&1 </dev/null; then
    passed=$((passed + 1))
    report ok "$name" "$began"
    return 0
  fi
  failed=$((failed + 1))
  report FAILED "$name" "$began"
  show_tail "$name"
  return 1
}

# campaign NAME COMMAND...: many cases; the command's last line is `N passed, N failed`.
campaign() {
  local name=$1 began=$SECONDS status=0
  shift
  "$@" >"$logs/$name.log" 2>&1 </dev/null || status=$?
  judge "$name" "$began" "$status"
}

# start NAME COMMAND...: a campaign beside others, until `finish NAME`. With job control, as what runs in
# the background without is started with SIGINT ignored, and so are the programs that it tests.
start() {
  local name=$1
  shift
  began_at[$name]=$SECONDS
  set -m
  "$@" >"$logs/$name.log" 2>&1 </dev/null &
  set +m
  pid_of[$name]=$!
  # shellcheck disable=SC2064 # of this one
  trap "kill -- -$! 2>/dev/null" EXIT
}

finish() {
  local status=0
  wait "${pid_of[$1]}" || status=$?
  trap - EXIT
  judge "$1" "${began_at[$1]}" "$status"
}

judge() {
  local name=$1 began=$2 status=$3 good=0 bad=0
  if [[ $(tail -n 1 "$logs/$name.log") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    good=${BASH_REMATCH[1]} bad=${BASH_REMATCH[2]}
  fi
  # A campaign that died, or ran nothing, is a failure whatever it counted.
  if ((bad == 0 && (status != 0 || good == 0))); then bad=1; fi
  passed=$((passed + good))
  failed=$((failed + bad))
  if ((bad == 0)); then
    report ok "$name ($good)" "$began"
  else
    report FAILED "$name ($bad of $((good + bad)))" "$began"
    show_tail "$name"
  fi
}

report() {
  printf '%-7s %-28s %4d s\n' "$1" "$2" "$((SECONDS - $3))"
}

# What a campaign says of its failures stands at the end of its log and begins with `failed:`.
show_tail() {
  local failures
  failures=$(sed -n '/^failed: /,$p' "$logs/$1.log")
  echo "  from $logs/$1.log:"
  if [[ -n $failures ]]; then
    head -n 80 <<<"$failures" | sed 's/^/  | /'
  else
    tail -n 60 "$logs/$1.log" | sed 's/^/  | /'
  fi
}

build() {
  configure "$@" && meson compile -C "$1"
}

# configure DIR OPTIONS...: the plain build is g++'s, as users make it. A sanitizer or fuzzer build
# is clang's, many sources to a unit: headers are most of the work, and so are read once. (No two
# sources of a folder may share a private name, then; nor would we want to read such.)
configure() {
  local directory=$1 compilers=(CC=gcc CXX=g++) options=()
  shift
  if (($# > 0)); then
    compilers=(CC=clang-14 CXX=clang++-14)
    options=(-Dunity=on -Dunity_size=12 -Doptimization=1 -Db_lundef=false)
  fi
  if [[ -f $directory/build.ninja ]]; then return 0; fi
  env "${compilers[@]}" meson setup "$directory" "${options[@]}" "$@"
}

tests_below() {
  meson introspect "$1" --tests | python3 -c '
import json, sys
for test in json.load(sys.stdin):
    if f"/{sys.argv[1]}/" in test["cmd"][0]:
        print(test["name"])' "$2"
}

# The time that a test may take bounds what hangs; how fast a loaded machine is is no test.
# Meson fills fresh memory with a random byte by MALLOC_PERTURB_, which would hide what a program
# does by itself. Signal handlers of the tests note what they saw, in memory they allocate: safe
# there, because the signals are raised, so the thread sanitizer keeps quiet about it.
suite() {
  local directory=$1 status=0
  local cases=$directory/meson-logs/testlog.junit.xml
  shift
  rm -f "$cases"
  MALLOC_PERTURB_=0 \
    ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1 \
    UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
    TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:report_signal_unsafe=0 \
    meson test -C "$directory" --print-errorlogs --timeout-multiplier 10 "$@" || status=$?
  scripts/count_cases.py "$cases" || status=$?
  return "$status"
}

sources() {
  find "$@" \( -name '*.cc' -o -name '*.h' \) -print0 | sort -z
}

check_format() {
  sources preload runtime tools tests | xargs -0 clang-format-14 --dry-run -Werror
}

check_shell() {
  find scripts tests .ci \( -name '*.sh' -o -path .ci/run \) -print0 | xargs -0 shellcheck
}

# The linter's time goes into headers, so it reads the units of many sources that the sanitizer
# build made (whose includes of sources are no mistake). What is in none of them, as preload/, it
# reads by g++'s compile commands: clang does not know all their options, and the two -m take back
# -mgeneral-regs-only, with which it refuses libstdc++'s headers.
check_tidy() {
  local folders=(runtime tools) status=0
  lint_units runtime tools || status=1
  if is_long; then
    folders+=(tests)
    lint_units tests --config-file=tests/.clang-tidy || status=1
  fi
  comm -23 <(find preload "${folders[@]}" -name '*.cc' | sort) \
    <(units_below "${folders[@]}" | xargs sed -n 's,^#include.*build-asan/\.\./\(.*\)>$,\1,p' |
      xargs realpath --relative-to=. | sort -u) | tr '\n' '\0' |
    lint 4 build --extra-arg=-Wno-unknown-warning-option --extra-arg=-Wno-unknown-attributes \
      --extra-arg=-Wno-ignored-optimization-argument --extra-arg=-mx87 --extra-arg=-msse2 || status=1
  return "$status"
}

units_below() {
  find "${@/#/build-asan/}" -name '*-unity*.cpp' | sort
}

# lint_units FOLDER... OPTION...: a unit lies where it is built, so the folder's own rules are named.
lint_units() {
  local folders=() options=(--checks=-bugprone-suspicious-include) word
  for word in "$@"; do
    if [[ $word == -* ]]; then options+=("$word"); else folders+=("$word"); fi
  done
  units_below "${folders[@]}" | tr '\n' '\0' | lint 1 build-asan "${options[@]}"
}

# lint FILES_AT_ONCE BUILD OPTIONS...: the files that standard input names.
lint() {
  xargs -0 -r -n "$1" -P "$(nproc)" clang-tidy-14 -p "$2" --quiet "${@:3}"
}

# All that they look at is instrumented, and nothing else is built.
build_fuzzers() {
  configure build-fuzz -Dfuzz=true -Db_sanitize=address,undefined \
    -Dcpp_args=-fsanitize=fuzzer-no-link && meson compile -C build-fuzz fuzzers
}

# A minute of each, which has one thread. Seeds are made anew: they follow the treaty by themselves.
fuzz() {
  printf '%s\0' build-fuzz/tests/fuzz/*_fuzzer |
    xargs -0 -P "$(nproc)" -I {} tests/fuzz/fuzz_briefly.sh {} build-fuzz/tests/fuzz/make_corpus 60
}

main "$@"
