#!/usr/bin/env bash
# Churns allocations under the library for SECONDS (default 600), exact and sampled, with a fork every second.
# Passes if nothing crashes, nothing of the churn is in use at the end, and memory stayed bounded.
#
#   scripts/soak.sh [SECONDS] [THREADS] [BUILD_DIR]
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-600}
threads=${2:-4}
build=${3:-build}
passed=0
failed=0

work=$(mktemp -d)
churn_pid=
# Called by the trap.
# shellcheck disable=SC2317
clean_up() {
  if [ -n "$churn_pid" ]; then kill -9 "$churn_pid" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap clean_up EXIT

# In-use bytes of the stacks that go through the churn's own functions.
churn_in_use() {
  awk '/Churn/ { sum += $NF } END { print sum + 0 }' "$1"
}

soak() {
  local name=$1 sample_bytes=$2 ok=1
  mkfifo "$work/in" "$work/out"
  LD_PRELOAD="$build/preload/liblimpet.so" LIMPET_SAMPLE_BYTES=$sample_bytes LIMPET_RUNTIME_DIR="$work/run" \
    "$build/tests/soak/churn" "$seconds" "$threads" <"$work/in" >"$work/out" &
  churn_pid=$!
  exec 3>"$work/in" 4<"$work/out"
  local line=''
  read -r -u 4 line || ok=0
  if [ "$ok" = 1 ]; then
    "$build/tools/limpet" dump --runtime-dir "$work/run" -p heap -f collapsed -o - "$churn_pid" >"$work/heap" || ok=0
    in_use=$(churn_in_use "$work/heap")
    rss=$(awk '/VmRSS/ { print $2 }' "/proc/$churn_pid/status")
    [ "$in_use" = 0 ] || ok=0
    echo >&3
    wait "$churn_pid" || ok=0
    echo "soak $name: $line in $seconds s, in use at the end $in_use, RSS ${rss} KiB, $([ $ok = 1 ] && echo passed || echo FAILED)"
  else
    echo "soak $name: the program died, FAILED"
  fi
  churn_pid=
  exec 3>&- 4<&-
  rm -f "$work/in" "$work/out"
  if [ "$ok" = 1 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

mkdir -m 700 "$work/run"
soak exact 1
soak sampled 512KiB
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
