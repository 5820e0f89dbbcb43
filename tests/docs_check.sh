#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What the documents name is there: each link to another file, and in `backticks` each path below one of
# our folders, each file by its name alone, and each make target.
set -u
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0
tracked=$(git ls-files)
targets=$(sed -n 's/^\([a-z][a-z-]*\):.*/\1/p; s/^\.PHONY: //p; s/^PACKAGES_\([a-z]*\) .*/deps-\1/p' Makefile ./*/*.mk tests/bench/*.mk | tr ' ' '\n')

is_tracked() { grep -qx -e "$1" <<<"$tracked"; }
is_folder() { [[ $1 = */ || ${1##*/} != *.* ]] && grep -q -e "^${1%/}/" <<<"$tracked"; }
is_named_so() { grep -q -e "\(^\|/\)$1\$" <<<"$tracked"; }

check() { # document, what stands there, then the command
	local document=$1 what=$2
	shift 2
	if "$@"; then
		passed=$((passed + 1))
	else
		echo "$document names $what, which is not there"
		failed=$((failed + 1))
	fi
}
# shellcheck disable=SC2016 # these are no expansions
quoted() { grep -o '`[^`]*`' "$1" | tr -d '`'; }
is_there() { is_tracked "${1%/}" || is_folder "$1" || is_tracked "$1.c"; }

while IFS= read -r document; do
	folder=$(dirname "$document")
	while IFS= read -r link; do
		check "$document" "the link $link" is_tracked "$(realpath -m --relative-to=. "$folder/$link")"
	done < <(grep -o '](\([^)#]*\)' "$document" | sed 's/^](//' | grep -v '://' | grep .)
	while IFS= read -r word; do
		check "$document" "$word" is_there "$word"
	done < <(quoted "$document" |
		grep -E '^(capd|httpd|common|cli|systemd|conf|tests|doc|debian)/[A-Za-z0-9_./-]*$')
	while IFS= read -r word; do
		check "$document" "$word" is_named_so "$word"
	done < <(quoted "$document" | grep -E '^[a-z_]+\.(c|h|js|awk|py|sh)$')
	while IFS= read -r word; do
		check "$document" "make $word" grep -qx -e "$word" <<<"$targets"
	done < <(grep -o -E '(^    |`|&& |sudo )make [a-z][a-z-]*' "$document" | sed 's/.*make //')
done < <(git ls-files '*.md')
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 50 ]
