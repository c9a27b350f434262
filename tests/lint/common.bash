# SPDX-License-Identifier: Apache-2.0
# What the lints share. Sourced by each: sets `root` (the tree this file lies in) and `build` (their argument).
# shellcheck shell=bash
set -euo pipefail
export LC_ALL=C
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${1:-$root/build/debug}
[ ! -d "$build" ] || build=$(cd "$build" && pwd)
cd "$root"

# All files of the project, one path a line: what git would commit, or all but build trees where there is no git.
project_files() {
  if [ "$(git rev-parse --show-toplevel 2>/dev/null)" = "$root" ]; then
    git ls-files -co --exclude-standard
  else
    find . -type f ! -path './build/*' ! -path './.git/*' ! -path './.cache/*' | sed 's,^\./,,'
  fi | sort -u | while IFS= read -r file; do if [ -f "$file" ]; then echo "$file"; fi; done
}

cxx_files() { project_files | grep -E '\.(cpp|hpp|h)$' || true; }
