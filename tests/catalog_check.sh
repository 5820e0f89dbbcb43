#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The message catalogue and the programs agree: every ID of common/messages.h is used and explained,
# every explanation belongs to one, and systemd takes the catalogue as it is.
set -u
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0
root=$(mktemp -d) || exit 1
trap 'rm -r "$root"' EXIT

check() { # what, then the command
	local what=$1
	shift
	if "$@"; then
		passed=$((passed + 1))
	else
		echo "catalogue: $what"
		failed=$((failed + 1))
	fi
}

while read -r name id; do
	check "$name is explained nowhere" grep -qx -- "-- $id" conf/screenshare.catalog
	check "$name is set by no line" \
		git grep -qw "$name" -- '*.c'
done < <(sed -n 's/^#define \(MESSAGE_[A-Z_]*\) *"\([0-9a-f]*\)"$/\1 \2/p' common/messages.h)
while read -r id; do
	check "$id is no message of common/messages.h" grep -q "\"$id\"" common/messages.h
done < <(sed -n 's/^-- \([0-9a-f]*\)$/\1/p' conf/screenshare.catalog)
# Each tells where to read on, and names no field that log.h does not have.
check "an explanation lacks Subject:, Defined-By: or Documentation:" test \
	"$(grep -c '^Subject: ' conf/screenshare.catalog) $(grep -c '^Defined-By: ' conf/screenshare.catalog) $(
		grep -c '^Documentation: man:' conf/screenshare.catalog)" = \
	"$(grep -c '^-- ' conf/screenshare.catalog) $(grep -c '^-- ' conf/screenshare.catalog) $(
		grep -c '^-- ' conf/screenshare.catalog)"
while read -r field; do
	check "there is no field $field" grep -q "\"$field\"" common/log.c
done < <(grep -o '@SCREENSHARE_[A-Z0-9_]*@' conf/screenshare.catalog | tr -d @ | sort -u)

# systemd's own reading of it.
mkdir -p "$root/usr/lib/systemd/catalog" "$root/var/lib/systemd/catalog"
cp conf/screenshare.catalog "$root/usr/lib/systemd/catalog/"
check "journalctl refuses it" journalctl --root="$root" --update-catalog
listed=$(journalctl --root="$root" --list-catalog | wc -l)
check "journalctl lists $listed of its messages" test "$listed" = "$(grep -c '^-- ' conf/screenshare.catalog)"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 10 ]
