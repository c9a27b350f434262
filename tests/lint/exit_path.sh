#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The way out to user mode of a thread that rseq has nothing to do for: one look at its event word (a compare and a
# branch, or a load and a branch) and one store that clears it. Three instructions, counted in the disassembly of the
# release kernels, in the function or where it is part of its caller; with none built there is nothing to look at.
. "$(dirname "$0")/common.bash"
grep -qs '^CMAKE_BUILD_TYPE:.*=Release' "$build/CMakeCache.txt" || build=$root/build/release
objdump=llvm-objdump-19
status=0
for arch in x86_64 aarch64; do
  image=$build/runnel-$arch.elf
  [ -f "$image" ] || continue
  # The function, or where it has been inlined: whichever there is.
  "$objdump" -d --no-show-raw-insn --no-leading-addr \
    --disassemble-symbols=_ZN6runnel6upcall12exit_to_userERNS_4arch8UserRegsE,runnel_exit_to_user "$image" 2>/dev/null |
    awk -v arch=$arch '
      { line[++n] = $0 }
      # The store that clears all four bytes tells where the word lies.
      arch == "x86_64" && match($0, /movl\t\$0x0, 0x[0-9a-f]+\(%r[^b]/) { at = $0; sub(/.*\$0x0, /, "", at); sub(/\(.*/, "", at) }
      arch == "aarch64" && match($0, /str\twzr, \[x[0-9]+, #0x[0-9a-f]+\]/) { at = $0; sub(/.*, #/, "", at); sub(/\].*/, "", at) }
      END {
        if (at == "") { print "exit_path: " arch ": no store that clears the event word"; exit 1 }
        look = arch == "x86_64" ? "cmpb\t\\$0x0, " at "\\(" : "ldrb\tw[0-9]+, \\[x[0-9]+, #" at "\\]"
        branch = arch == "x86_64" ? "\tj[a-z]+\t" : "\t(cbn?z|tbn?z)\t"
        for (i = 1; i < n; ++i) if (line[i] ~ look) { ++looks; if (line[i + 1] ~ branch) ++pairs }
        if (looks != 1 || pairs != 1) {
          print "exit_path: " arch ": " looks + 0 " looks at the event word, " pairs + 0 " of them followed by their branch; one of each is right"
          exit 1
        }
      }' || status=1
done
exit $status
