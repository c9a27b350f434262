#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ksyms.sh IMAGE OUT.S: writes the image's function symbols as the table kernel/debug/ksyms.hpp reads:
#   u64 count; then count x { u64 address }; then count x { u32 offset of name }; then the names, NUL-terminated.
set -eu
llvm-nm-19 -n -C --defined-only "$1" | awk '
  BEGIN { n = 0 }
  $2 ~ /^[tTwW]$/ {
    name = substr($0, index($0, $3)); gsub(/\\/, "\\\\", name); gsub(/"/, "\\\"", name)
    gsub(/runnel::/, "", name); sub(/ \[clone.*/, "", name)
    if (length(name) > 120) name = substr(name, 1, 117) "..."
    if ($1 != last) { last = $1; addr[n] = $1; text[n] = name; n++ }
  }
  END {
    print "  .section .ksyms, \"a\"\n  .balign 8\n  .quad " n+0
    for (i = 0; i < n; i++) print "  .quad 0x" addr[i]
    off = 0
    for (i = 0; i < n; i++) { print "  .long " off; raw = text[i]; gsub(/\\\\|\\"/, "x", raw); off += length(raw) + 1 }
    for (i = 0; i < n; i++) print "  .asciz \"" text[i] "\""
  }' >"$2.tmp"
mv "$2.tmp" "$2"
