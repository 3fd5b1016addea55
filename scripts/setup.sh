#!/usr/bin/env bash
# Installs what limpet needs to be built, tested and shown, on Debian 12.
#
#   scripts/setup.sh          what the build, the demo and scripts/test.sh need
#   scripts/setup.sh --long   also what scripts/test.sh --long needs: whole servers and their tests, which
#                             nobody who builds limpet should have to have
#
# Run it as often as you like: with nothing missing it says nothing and changes nothing. As another
# user than root it asks sudo. Daemons that come with packages (redis, nginx, postgresql) are not started.
set -euo pipefail

readonly os_release=${OS_RELEASE:-/etc/os-release}
readonly policy=${POLICY_RC_D:-/usr/sbin/policy-rc.d}

# What must be there as a Debian package.
readonly packages=(
  # Compilers, build, checks. clang 14 brings the sanitizers, the fuzzer and the linters.
  g++ clang-14 clang-tidy-14 clang-format-14 libclang-rt-14-dev
  meson ninja-build pkg-config binutils dwz xz-utils python3 shellcheck
  # Libraries of the companion.
  libabsl-dev libprotobuf-dev protobuf-compiler libdw-dev libelf-dev libiberty-dev libunwind-dev
  libcli11-dev nlohmann-json3-dev liblzma-dev zlib1g-dev
  # Libraries of the tests, and the other allocator.
  libgtest-dev libgmock-dev libbenchmark-dev libjemalloc-dev libjemalloc2
  # Programs that are traced in the demo and the tests, and the tools to watch them.
  redis-server redis-tools sqlite3 openssl git strace procps curl
  # Names of libc's own functions, which stand in stacks that no hook has taken.
  libc6-dbg
  # Another profiler, that the tests ask the same; jemalloc's has its reader in libjemalloc-dev.
  heaptrack
  # An allocator that checks how its blocks go back.
  libtcmalloc-minimal4
)

# What scripts/own_suites.py needs besides. The sources of redis it fetches itself, anew each time.
readonly packages_of_long=(libpython3.11-testsuite postgresql tcl dpkg-dev)

# What may come from anywhere, as long as it is on PATH: commands, then the package that has them.
readonly tools=(
  'go:golang-go'
  'rustc:rustc'
  'node:nodejs'
  'java,javac:default-jdk-headless'
  'nginx:nginx-light'
)

# By what Go's own tools read goroutines, for tests/scenarios.
readonly go_module=github.com/DataDog/gostackparse

main() {
  install_packages "$@"
  fetch_go_module
}

# Without it limpet can be built and shown; the test that needs it fails.
fetch_go_module() {
  local log
  log=$(cd "$(dirname "${BASH_SOURCE[0]}")/../tests/scenarios/go_reader" && go mod download "$go_module" 2>&1) ||
    echo "setup: $go_module could not be fetched, which tests/scenarios needs: $log" >&2
}

install_packages() {
  local missing
  wanted=("${packages[@]}")
  if [[ ${1:-} == --long ]]; then wanted+=("${packages_of_long[@]}"); fi
  mapfile -t missing < <(missing_packages)
  if ((${#missing[@]} == 0)); then return 0; fi

  require_debian "${missing[@]}"
  echo "setup: installing ${missing[*]}"
  hold_daemons
  apt_get update
  apt_get install "${missing[@]}"
  stop_daemons "${missing[@]}"
}

missing_packages() {
  missing_of_list
  missing_of_tools
}

missing_of_list() {
  local -A installed=()
  local status name
  while read -r status name; do
    if [[ $status == ii ]]; then installed[$name]=1; fi
  done < <(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "${wanted[@]}" 2>/dev/null || true)
  for name in "${wanted[@]}"; do
    if [[ -z ${installed[$name]:-} ]]; then echo "$name"; fi
  done
}

missing_of_tools() {
  local tool command
  for tool in "${tools[@]}"; do
    for command in $(tr ',' ' ' <<<"${tool%%:*}"); do
      if ! has_command "$command"; then
        echo "${tool##*:}"
        break
      fi
    done
  done
}

# Daemons lie in sbin, which a user's PATH may not have.
has_command() {
  PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null
}

require_debian() {
  local id
  id=$(sed -n 's/^ID="\?\([^"]*\)"\?$/\1/p' "$os_release" 2>/dev/null) || id=unknown
  if [[ $id == debian ]] && command -v apt-get >/dev/null; then return 0; fi
  {
    echo "setup: this script installs packages on Debian 12 only, and this system is '$id'."
    echo "setup: please install what these Debian packages hold, then build with meson:"
    printf '  %s\n' "$@"
  } >&2
  exit 2
}

as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo -- "$@"
  else
    echo "setup: installing packages needs root, and there is no sudo: run scripts/setup.sh as root" >&2
    exit 5
  fi
}

# The lock may be held by the machine's own updates for a while.
apt_get() {
  local log
  log=$(mktemp)
  if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
    -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
    "$@" >"$log" 2>&1 </dev/null; then
    tail -n 40 "$log" >&2
    rm -f "$log"
    echo "setup: 'apt-get $1' failed, see above" >&2
    exit 1
  fi
  rm -f "$log"
}

# Debian starts a daemon as soon as its package is configured, unless a policy forbids it. A policy
# that exists is the machine's own and stays.
hold_daemons() {
  if [[ -e $policy ]]; then return 0; fi
  trap 'as_root rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
}

# The policy does not keep a daemon from starting at the next boot.
stop_daemons() {
  if [[ ! -d /run/systemd/system ]]; then return 0; fi
  local name
  for name in "$@"; do
    case $name in
      redis-server) as_root systemctl --quiet disable --now redis-server ;;
      postgresql) as_root systemctl --quiet disable --now postgresql ;;
      nginx-light) as_root systemctl --quiet disable --now nginx ;;
    esac
  done
}

main "$@"
