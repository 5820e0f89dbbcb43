#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# clang-format would change nothing; prints what it would (at most the beginning of it).
set -u
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0
while IFS= read -r -d '' file; do
	if difference=$(clang-format "$file" | diff -u --label "$file" --label "$file, formatted" "$file" -); then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		head -12 <<<"$difference"
	fi
done < <(git ls-files -z '*.c' '*.h')
[ "$failed" = 0 ] || echo "make format would change $failed files"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
