#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage: tests/conf_check.sh PROGRAM
#
# Fails when conf/screenshare.conf or conf/screenshare.conf.5 disagrees with the table of keys
# (common/config_keys.c), as PROGRAM --print-config gives it:
#   - the file must equal it byte for byte;
#   - the man page must have the same keys under the same sections in the same order, each with a
#     line "(range, default)" of its own.
set -eu
export LC_ALL=C

conf=$(dirname "$0")/../conf
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$1" --print-config >"$work/printed"

failed=0
if ! diff -u "$conf/screenshare.conf" "$work/printed"; then
	echo "conf/screenshare.conf differs from the table of keys: $1 --print-config >conf/screenshare.conf" >&2
	failed=1
fi

# One line a key from each: [section] key (range).  In the printed file the range is the comment
# right above the key.
awk '
	/^\[/ { section = $0 }
	/^#[a-z]/ { sub(/^#/, ""); sub(/ =.*/, ""); print section, $0, "(" range ")" }
	{ range = substr($0, 3) }
' "$work/printed" >"$work/table"
awk '
	function flush() { if (key != "") print section, key, range; key = ""; range = "without a range" }
	/^\.S[hs] / { flush(); section = $2 }
	/^\.It Ic / && section ~ /^\[/ { flush(); key = substr($0, 8) }
	/^\(.*\)$/ { range = $0 }
	END { flush() }
' "$conf/screenshare.conf.5" >"$work/page"
if ! [ -s "$work/table" ]; then
	echo "$1 --print-config prints no key" >&2
	failed=1
elif ! diff -u "$work/page" "$work/table"; then
	echo "conf/screenshare.conf.5 (-) differs from the table of keys (+)" >&2
	failed=1
fi
exit $failed
