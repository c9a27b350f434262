#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Who may include whom. First by the #include lines of every file; then, where the build directory has been
# built, by what the compiler really read for the host tool and the UEFI loaders (which share plain data only).
. "$(dirname "$0")/common.bash"
status=0

# A room's rules are the longest matching prefix; an include is one of:
#   "path from the top"   as it stands          <arch/x> <arch_impl/x> <sched/x> <ns/x>   with its brackets' name
# Every other <...> is the standard library's or a host library's: only rooms of the host may use the latter.
cxx_files | xargs -d '\n' -r awk '
  BEGIN {
    wire = "boot/boot_info\\.hpp$|^kernel/test/test_case\\.hpp$|^kernel/lib/trace_event\\.hpp$|^kernel/lib/types\\.hpp$|^sched/sim/shape\\.hpp$"
    rule["boot/"]                 = "^boot/boot_info\\.hpp$"
    rule["boot/uefi/"]            = "^boot/boot_info\\.hpp$|^boot/uefi/"
    rule["boot/uefi/pure/"]       = "^boot/boot_info\\.hpp$|^boot/uefi/pure/"
    rule["boot/direct/"]          = "^boot/boot_info\\.hpp$|^boot/direct/|^kernel/lib/|^<arch/layout"
    rule["arch/include/"]         = "^kernel/lib/|^<arch/|^<arch_impl/"
    rule["arch/x86_64/"]          = "^kernel/lib/|^<arch/|^<arch_impl/|^arch/x86_64/"
    rule["arch/aarch64/"]         = "^kernel/lib/|^<arch/|^<arch_impl/|^arch/aarch64/"
    rule["arch/vdso/"]            = "^<arch/vdso_data|^kernel/lib/types\\.hpp$"
    rule["kernel/"]               = "^kernel/|^<arch/|^<sched/|^<ns/|^boot/boot_info\\.hpp$"
    rule["kernel/lib/"]           = "^kernel/lib/"
    # What these two supply to the standard library has nowhere to fail to but a panic.
    rule["kernel/lib/hosted.cpp"] = rule["kernel/lib/mem.cpp"] = rule["kernel/lib/"] "|^kernel/debug/panic\\.hpp$"
    # The port brings its own implementation by include path.
    rule["sched/"]                = "^kernel/lib/|^sched/|^<sched/"
    rule["sched/include/sched/port.hpp"] = rule["sched/"] "|^<port_impl"
    # The other ground: a program of the host.
    rule["sched/sim/"]            = rule["sched/"] "|^<port_impl"
    rule["ns/"]                   = "^ns/|^<ns/|^kernel/|^<sched/"
    rule["qemu/"]                 = "^qemu/|^" wire
    # The simulated machine as a machine of the tool: the player of workloads and the scheduler, on the host.
    rule["qemu/simulated/"]       = "^qemu/simulated/|^kernel/lib/|^kernel/workload/|^sched/|^<sched/|^<port_impl"
    rule["tests/"]                = "."
    rule["tests/target/"]         = "^tests/target/|^sched/|^kernel/|^<arch/|^<arch_impl/|^<sched/|^<ns/|^boot/boot_info\\.hpp$"
    rule["tests/target/x86_64/"]  = rule["tests/target/"] "|^arch/x86_64/"
    rule["tests/target/aarch64/"] = rule["tests/target/"] "|^arch/aarch64/"
    rule["tests/e2e/"]            = "^tests/e2e/|^tests/trace_rings\\.hpp$|^qemu/|^" wire
  }
  function exists(file) { # one line of it can be read; asked once a file
    if (!(file in known)) { known[file] = (getline line < file) >= 0; close(file) }
    return known[file]
  }
  function room_of(file,   prefix, best) {
    best = ""
    for (prefix in rule) if (index(file, prefix) == 1 && length(prefix) > length(best)) best = prefix
    return best
  }
  FNR == 1 { room = room_of(FILENAME); if (room == "") { print FILENAME ":1: belongs to no room"; bad = 1 } }
  /^[ \t]*#[ \t]*include[ \t]*[<"]/ {
    match($0, /[<"][^>"]*[>"]/)
    name = substr($0, RSTART + 1, RLENGTH - 2)
    if (substr($0, RSTART, 1) == "<") {
      if (name !~ /^(arch|arch_impl|sched|ns)\/|^port_impl/) {
        if (name ~ /^(kernel|boot|qemu|tests)\//) {
          print FILENAME ":" FNR ": <" name "> is a file of ours: \"" name "\""; bad = 1
        }
        next
      }
      name = "<" name
    } else if (!exists(name)) {
      print FILENAME ":" FNR ": \"" name "\" is not a path from the top"; bad = 1; next
    }
    if (room != "" && name !~ rule[room]) {
      print FILENAME ":" FNR ": " room " must not include " name; bad = 1
    }
  }
  END { exit bad }' || status=1

if [ -f "$build/.ninja_deps" ]; then
  ninja -C "$build" -t deps 2>/dev/null | awk -v root="$root/" -v top="ninja: " '
    /^[^ ].*: #deps/ {
      object = $1; sub(/:$/, "", object); allowed = ""
      if (object ~ /^qemu\// && object !~ /runnel-simulated/)
        allowed = "^(qemu/|boot/boot_info\\.hpp$|kernel/test/test_case\\.hpp$|kernel/lib/trace_event\\.hpp$|kernel/lib/|sched/sim/shape\\.[ch]pp$)"
      if (object ~ /^boot\/uefi\//) allowed = "^boot/(boot_info\\.hpp$|uefi/)"
      next
    }
    allowed != "" && /^ / {
      file = $1
      if (index(file, root) == 1) file = substr(file, length(root) + 1)
      else if (file ~ /^(\.\.\/)+/) sub(/^(\.\.\/)+/, "", file)
      if (file ~ /^(kernel|arch|sched|ns|boot|tests|qemu)\// && file !~ allowed && !seen[file, allowed]++) {
        print file ":1: reached by " object ", which shares plain data with the kernel only"; bad = 1
      }
    }
    END { exit bad }' || status=1
fi
exit $status
