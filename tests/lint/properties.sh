#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The catalogues of properties (tests/catalogue) agree with the tests: no test names a number that is not there, and
# every property either has a test or is listed as missing with a reason, not both. The host tool has the rules.
. "$(dirname "$0")/common.bash"
tool=${RUNNEL_TOOL:-$build/qemu/runnel}
[ -x "$tool" ] || { echo "properties: $tool is not built"; exit 1; }
"$tool" properties --check --top "$root"
