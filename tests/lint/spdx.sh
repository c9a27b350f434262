#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every file says its licence in one of its first three lines. Not asked: files that cannot hold a comment (JSON,
# data) and the licence itself.
. "$(dirname "$0")/common.bash"
bad=$(project_files |
  grep -vE '^(LICENSE|\.gitignore|tests/data/.*)$|\.(json|png|svg|txt)$' |
  xargs -d '\n' -r awk '
    function leave() { if (file != "" && !found) print file ":1: no line \"SPDX-License-Identifier: Apache-2.0\"" }
    FNR == 1 { leave(); file = FILENAME; found = 0 }
    FNR <= 3 && /SPDX-License-Identifier: Apache-2\.0/ { found = 1; nextfile }
    FNR > 3 { nextfile }
    END { leave() }')
empty=$(project_files | grep -E '\.(cpp|hpp|h|S|sh|ld|cmake)$' | while IFS= read -r f; do
  [ -s "$f" ] || echo "$f:1: empty file"; done)
[ -z "$bad$empty" ] || { printf '%s\n' "$bad" "$empty" | grep .; exit 1; }
