#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Drives one fuzz target for a minute (FUZZ_SECONDS), from the inputs in tests/fuzz/corpus/TARGET.
#
#     tests/fuzz/run.sh BUILD TARGET
#
# A finding is left in BUILD/fuzz/found/, and its path and the report are printed.
set -u
build=$1 target=$2
seconds=${FUZZ_SECONDS:-60}
here=$(dirname "$0")
grown=$build/fuzz/corpus/$target
mkdir -p "$grown" "$build/fuzz/found"
arguments=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
	-artifact_prefix="$build/fuzz/found/$target-")
[ -f "$here/$target.dict" ] && arguments+=(-dict="$here/$target.dict")
[ -f "$here/$target.options" ] && mapfile -t -O "${#arguments[@]}" arguments <"$here/$target.options"
seeds=()
[ -d "$here/corpus/$target" ] && seeds+=("$here/corpus/$target")
exec "$build/fuzz/bin/$target" "${arguments[@]}" "$grown" "${seeds[@]}"
