#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Files stay readable in one sitting: none above 600 lines, 90 of 100 at most 350, half of them at most 120.
. "$(dirname "$0")/common.bash"
project_files | grep -E '\.(cpp|hpp|h|S|ld|sh|bash|pl|py|cmake)$|(^|/)CMakeLists\.txt$' | xargs -d '\n' -r wc -l |
  awk '$2 != "total" { print $1, $2 }' | sort -n | awk '
    { lines[NR] = $1; if ($1 > 600) { print $2 ":601: " $1 " lines; at most 600"; bad = 1 } }
    END {
      if (NR == 0) { print "sizes: no files"; exit 1 }
      median = lines[int((NR + 1) / 2)]; p90 = lines[int((NR * 9 + 9) / 10)]
      printf "sizes: %d files, median %d, 90th percentile %d, longest %d lines\n", NR, median, p90, lines[NR]
      if (median > 120) { print "sizes: the median is above 120"; bad = 1 }
      if (p90 > 350) { print "sizes: the 90th percentile is above 350"; bad = 1 }
      exit bad
    }'
