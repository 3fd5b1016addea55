#!/usr/bin/env bash
# Churns allocations under the library for SECONDS (default 600), half of it exact, half sampled, with a fork every second
# and three dumps a second. Passes if nothing crashes, nothing of the churn is in use at the end, and what
# the companion that watches takes, in memory and in the directory, is bounded.
#
#   scripts/soak.sh [SECONDS] [THREADS] [BUILD_DIR]
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=$((${1:-600} / 2))
threads=${2:-4}
build=${3:-build}
readonly kept_dumps=20
readonly most_watcher_growth_kib=2048
passed=0
failed=0

work=$(mktemp -d)
churn_pid=
dumper_pid=
# Called by the trap.
# shellcheck disable=SC2317
clean_up() {
  local pid
  for pid in $churn_pid $dumper_pid; do kill -9 "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap clean_up EXIT

# In-use bytes of the stacks that go through the churn's own functions.
churn_in_use() {
  awk '/Churn/ { sum += $NF } END { print sum + 0 }' "$1"
}

watcher() { pgrep -f "limpet watch --runtime-dir $work/run"; }
watcher_kib() { awk '/VmRSS/ { print $2 }' "/proc/$(watcher)/status"; }

# The last process takes its watcher with it, once the dumps that were asked for are written.
watcher_leaves() {
  local tries
  for ((tries = 0; tries < 300; ++tries)); do
    watcher >/dev/null || return 0
    sleep 0.1
  done
  return 1
}

# Before it has a handler, SIGUSR1 would end it.
handles_dump_signal() {
  local caught
  caught=$(awk '/^SigCgt/ { print $2 }' "/proc/$1/status")
  ((0x$caught >> 9 & 1))
}

# Asks for dumps as long as the program lives; notes how large the watcher is when it has settled.
keep_dumping() {
  local asked=0
  until handles_dump_signal "$1"; do sleep 0.05; done
  while kill -USR1 "$1" 2>/dev/null; do
    sleep 0.33
    asked=$((asked + 1))
    if [ "$asked" = 30 ]; then watcher_kib >"$work/settled"; fi
  done
}

# What dumping so often has come to; empty if it is as it should be.
watcher_trouble() {
  local settled now
  settled=$(cat "$work/settled") now=$(watcher_kib)
  echo "soak: the watcher has $settled KiB, at the end $now KiB" >&2
  if ((now > settled + most_watcher_growth_kib)); then echo ", the watcher grows"; fi
}

# When nobody dumps any more: a dump is there for a moment before the oldest one goes.
keeping_trouble() {
  local dumps
  dumps=$(find "$work/profiles" -name '[0-9]*.heap.pb.gz' | wc -l)
  echo "soak: $dumps dumps kept, $(du -sk "$work/profiles" | cut -f1) KiB" >&2
  if ((dumps == 0 || dumps > kept_dumps)); then echo ", $dumps dumps, not 1 to $kept_dumps"; fi
}

soak() {
  local name=$1 sample_bytes=$2 ok=1 trouble
  rm -rf "$work/profiles" "$work/settled"
  mkdir "$work/profiles"
  mkfifo "$work/in" "$work/out"
  LD_PRELOAD="$build/preload/liblimpet.so" LIMPET_SAMPLE_BYTES=$sample_bytes LIMPET_RUNTIME_DIR="$work/run" \
    LIMPET_WATCH=1 LIMPET_KEEP=$kept_dumps LIMPET_DIR="$work/profiles" LIMPET_COMPANION="$PWD/$build/tools/limpet" \
    "$build/tests/soak/churn" "$seconds" "$threads" <"$work/in" >"$work/out" &
  churn_pid=$!
  exec 3>"$work/in" 4<"$work/out"
  keep_dumping "$churn_pid" &
  dumper_pid=$!
  local line=''
  read -r -u 4 line || ok=0
  if [ "$ok" = 1 ]; then
    "$build/tools/limpet" dump --runtime-dir "$work/run" -p heap -f collapsed -o - "$churn_pid" >"$work/heap" || ok=0
    in_use=$(churn_in_use "$work/heap")
    rss=$(awk '/VmRSS/ { print $2 }' "/proc/$churn_pid/status")
    [ "$in_use" = 0 ] || ok=0
    trouble=$(watcher_trouble)
    kill "$dumper_pid" 2>/dev/null || true
    echo >&3
    wait "$churn_pid" || ok=0
    watcher_leaves || ok=0
    trouble+=$(keeping_trouble)
    [ -z "$trouble" ] || ok=0
    echo "soak $name: $line in $seconds s, in use at the end $in_use, RSS ${rss} KiB$trouble, $([ $ok = 1 ] && echo passed || echo FAILED)"
  else
    echo "soak $name: the program died, FAILED"
  fi
  wait "$dumper_pid" 2>/dev/null || true
  churn_pid='' dumper_pid=''
  exec 3>&- 4<&-
  rm -f "$work/in" "$work/out"
  if [ "$ok" = 1 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

mkdir -m 700 "$work/run"
soak exact 1
soak sampled 512KiB
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
