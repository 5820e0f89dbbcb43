#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# clang-format would change nothing.
set -u
cd "$(dirname "$0")/.." || exit 1
git ls-files -z '*.c' '*.h' | xargs -0 clang-format --dry-run -Werror
