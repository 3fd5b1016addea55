#!/usr/bin/env bash
# Shows where programs' memory goes.
#
#   scripts/demo.sh                  redis-server under load, and a small server of ours that leaks
#   scripts/demo.sh -- CMD ARGS...   any program: its top at its end, or after 10 seconds
#
# Installs and builds what is missing. Listens on the loopback only, and stops what it started. The
# profiles go with it, unless LIMPET_DIR names a place for them.
set -euo pipefail
cd_back=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly library=$PWD/build/preload/liblimpet.so
readonly limpet=$PWD/build/tools/limpet
readonly seconds_to_live=10
work=$(mktemp -d)
# Traces of programs that are stopped outlive them; these shall go with the demonstration.
LIMPET_RUNTIME_DIR=$(mktemp -d -p /dev/shm 2>/dev/null || echo "$work/traces")
export LIMPET_RUNTIME_DIR
profiles=${LIMPET_DIR:-$work/profiles}
[[ $profiles == /* ]] || profiles=$cd_back/$profiles
started=()

main() {
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  if (($# > 0)) && { [[ $1 != -- ]] || (($# < 2)); }; then
    echo "usage: scripts/demo.sh [-- CMD ARGS...]" >&2
    exit 2
  fi
  scripts/setup.sh
  build
  if (($# > 0)); then
    shift
    show_command "$@"
  else
    show_redis
    show_leaky_server
  fi
}

# A process that does not listen to TERM is killed: nothing of ours stays behind.
clean_up() {
  local pid tries
  for pid in "${started[@]}"; do
    kill -TERM "$pid" 2>/dev/null || continue
    for ((tries = 0; tries < 50; ++tries)); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$work" "$LIMPET_RUNTIME_DIR"
}

build() {
  local log=$work/build.log
  {
    { [[ -f build/build.ninja ]] || meson setup build; } && meson compile -C build
  } >"$log" 2>&1 || {
    tail -n 40 "$log" >&2
    echo "demo: the build failed" >&2
    exit 1
  }
}

show_redis() {
  local port pid
  port=$(free_port)
  echo "== redis-server, unmodified, under redis-benchmark"
  LD_PRELOAD=$library LIMPET_DIR=$profiles redis-server --bind 127.0.0.1 --port "$port" \
    --save '' --appendonly no --dir "$work" --daemonize no >"$work/redis.log" 2>&1 &
  pid=$!
  started+=("$pid")
  wait_for "redis-server to listen" redis-cli -p "$port" ping
  redis-benchmark -p "$port" -t set,lpush,hset -n 100000 -r 50000 -d 512 -P 16 -q >"$work/load" &
  started+=($!)
  # In the middle of the load: the second half runs on while the profile is written.
  wait_for "some load" keys_in_redis "$port"
  ask_and_show "$pid"
  wait "${started[-1]}"
}

keys_in_redis() {
  (($(redis-cli -p "$1" dbsize) > 20000))
}

show_leaky_server() {
  local port pid
  echo "== leaky_server, ours, built with -g -O2, after 20000 requests"
  LD_PRELOAD=$library LIMPET_DIR=$profiles build/tests/programs/leaky_server 60 >"$work/port" &
  pid=$!
  started+=("$pid")
  wait_for "leaky_server to listen" test -s "$work/port"
  port=$(<"$work/port")
  send_requests "$port" 20000
  ask_and_show "$pid" -lines
}

send_requests() {
  local visit
  exec 3<>"/dev/tcp/127.0.0.1/$1"
  for ((visit = 1; visit <= $2; ++visit)); do
    echo "visitor-$((visit % 1000))" >&3
    read -r -t 10 <&3
  done
  exec 3>&-
}

# A program that ends writes its profile by itself; one that does not is asked, and then stopped.
show_command() {
  local pid status=0 tries
  cd "$cd_back"
  "$limpet" run --dump-at-exit --directory "$profiles" -- "$@" <&0 &
  pid=$!
  started+=("$pid")
  for ((tries = 0; tries < seconds_to_live * 10; ++tries)); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  if kill -0 "$pid" 2>/dev/null; then
    echo "== $1 runs for $seconds_to_live seconds: this is its heap now; it is stopped then"
    "$limpet" dump "$pid" >/dev/null 2>"$work/dump.log" || cat "$work/dump.log" >&2
  else
    wait "$pid" || status=$?
    # limpet has said why it did not start it.
    if [[ $status =~ ^(3|12[567])$ ]] && ! profile_of "$pid" >/dev/null; then exit "$status"; fi
    echo "== $1 ended with status $status: its heap at the end"
  fi
  show_profile "$pid"
  exit "$status"
}

# ask_and_show PID PPROF_OPTIONS...
ask_and_show() {
  kill -USR1 "$1"
  show_profile "$@"
  echo
}

show_profile() {
  local pid=$1 command
  shift
  if ! wait_for "a profile of process $pid" profile_of "$pid"; then exit 1; fi
  command=(go tool pprof -top -nodecount=12 "$@" "$(profile_of "$pid")")
  echo "\$ ${command[*]}"
  "${command[@]}"
}

# The newest; names sort by time.
profile_of() {
  local found
  found=$(find "$profiles" -path "*.$1-*/2*.heap.pb.gz" 2>/dev/null | sort | tail -n 1)
  [[ -n $found ]] && echo "$found"
}

# wait_for WHAT COMMAND...: at most 20 seconds.
wait_for() {
  local what=$1 tries
  shift
  for ((tries = 0; tries < 200; ++tries)); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.1
  done
  echo "demo: waited in vain for $what" >&2
  return 1
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

main "$@"
