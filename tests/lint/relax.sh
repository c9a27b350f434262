#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every loop that waits for somebody else tells the CPU so (Cpu::relax: PAUSE, YIELD). On emulated CPUs that take
# turns, a wait without it starves the CPU it waits for: one missing PAUSE is a livelock. relax.pl has the rule.
. "$(dirname "$0")/common.bash"
project_files | grep -E '^(kernel|arch|sched|ns|boot|tests/target)/.*\.(cpp|hpp|S)$' |
  xargs -d '\n' -r perl tests/lint/relax.pl
