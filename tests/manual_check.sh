#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mandoc finds nothing to warn of in any manual page.
set -u
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0
while IFS= read -r -d '' page; do
	if mandoc -T lint -W warning "$page"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
done < <(git ls-files -z '*.1' '*.5' '*.8')
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
