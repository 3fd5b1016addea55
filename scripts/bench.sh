#!/usr/bin/env bash
# Measures limpet beside no preload, a bare forwarder, jemalloc and tcmalloc with their profilers,
# and heaptrack: the table of the README.
#
#   scripts/bench.sh                    everything
#   scripts/bench.sh --quick            one round of each, to see that it works
#   scripts/bench.sh --help             which parts there are
#
# All contenders of a workload run in turns, round after round, so that a busy moment of the machine
# hits all of them. Installs and builds what is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly packages=(heaptrack libgoogle-perftools4 time valgrind wrk zstd)

scripts/setup.sh
if ! dpkg-query -W "${packages[@]}" >/dev/null 2>&1; then
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}"
fi
if [[ ! -f build/build.ninja ]]; then CC=gcc CXX=g++ meson setup build; fi
meson compile -C build >/dev/null
exec scripts/bench.py --build build "$@"
