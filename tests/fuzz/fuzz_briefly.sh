#!/bin/sh
# Runs a fuzzer for some seconds on fresh seeds:  fuzz_briefly.sh FUZZER MAKE_CORPUS SECONDS
set -eu
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
"$2" "$corpus" "$(basename "$1")"
"$1" -max_total_time="$3" -max_len=65536 -rss_limit_mb=2048 -artifact_prefix="$corpus/../limpet-" "$corpus"
