#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every C++ file is as clang-format leaves it. Repair: clang-format-19 -i FILE
. "$(dirname "$0")/common.bash"
command -v clang-format-19 >/dev/null || { echo "format: clang-format-19 is not installed"; exit 1; }
# The first place of each file is enough.
bad=$(cxx_files | xargs -d '\n' -r -P 2 -n 24 sh -c '
  out=$(clang-format-19 --dry-run -Werror --fno-color-diagnostics "$@" 2>&1) || printf "%s\n" "$out"' _ |
  grep -E '^[^ ]+:[0-9]+:[0-9]+: (error|warning):' | sort -t: -k1,1 -k2,2n | awk -F: '
    !seen[$1]++ { print $1 ":" $2 ": not formatted (clang-format-19 -i " $1 ")" }') || true
[ -z "$bad" ] || { echo "$bad"; exit 1; }
