#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A lint that cannot fail proves nothing: in a small tree of its own every lint passes, then each is shown a
# violation and has to name the file and the line.
lint=$(cd "$(dirname "$0")" && pwd)
set -euo pipefail
# The host tool does the work of one lint; the tree below has none of its own.
RUNNEL_TOOL=$(realpath "${1:-$lint/../../build/debug}")/qemu/runnel
export RUNNEL_TOOL
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failed=0

# A clean tree: one file a room, in format, with everything a lint asks for.
mkdir -p "$tree"/{kernel/lib,kernel/time,arch/x86_64,sched,qemu,tests/lint,tests/catalogue,tests/host,build}
cp "$lint"/*.sh "$lint"/*.bash "$lint"/*.pl "$tree/tests/lint/"
cp "$lint/../../.clang-format" "$lint/../../.clang-tidy" "$tree/"
put() { # FILE LINE...
  local file=$tree/$1
  shift
  printf '%s\n' '// SPDX-License-Identifier: Apache-2.0' "$@" >"$file"
}
clean() {
  rm -rf "$tree"/build/* "$tree"/kernel/*.cpp "$tree"/*.txt
  put kernel/lib/types.hpp '#pragma once' 'using u32 = unsigned;'
  put kernel/time/clock.hpp '#pragma once' '#include "kernel/lib/types.hpp"'
  put kernel/main.cpp '#include "kernel/lib/types.hpp"' '' 'u32 answer() { return 42; }'
  put arch/x86_64/cpu.cpp '#include "kernel/lib/types.hpp"'
  put sched/core.cpp '#include "kernel/lib/types.hpp"'
  put qemu/main.cpp '#include "kernel/lib/types.hpp"'
  put tests/host/one.cpp 'TEST_CASE("one", "[F01]") {}'
  printf '%s\n' 'F01 U one' 'F02 U two' >"$tree/tests/catalogue/some.txt"
  printf '%s\n' '# SPDX-License-Identifier: Apache-2.0' 'F02 not yet' >"$tree/tests/catalogue/some.missing"
  cat >"$tree/build/compile_commands.json" <<JSON
[
{
  "directory": "$tree/build",
  "command": "clang++-19 -std=c++23 -I$tree -c $tree/kernel/main.cpp",
  "file": "$tree/kernel/main.cpp"
}
]
JSON
}
passes() { # LINT
  local out
  out=$("$tree/tests/lint/$1.sh" "$tree/build" 2>&1) ||
    { echo "tests/lint/selftest.sh:1: $1 fails on a clean tree: $out"; failed=1; }
}
fails() { # LINT FILE:LINE WHAT
  local out
  if out=$("$tree/tests/lint/$1.sh" "$tree/build" 2>&1); then
    echo "tests/lint/selftest.sh:1: $1 passes with $3"; failed=1
  elif ! grep -qF -- "$2:" <<<"$out"; then
    echo "tests/lint/selftest.sh:1: $1 does not say '$2' for $3: $out"; failed=1
  fi
}

clean
for name in spdx sizes format layering relax properties tidy; do passes $name; done

echo 'int x;' >"$tree/kernel/bare.cpp"
fails spdx kernel/bare.cpp:1 "a file without licence"
: >"$tree/kernel/bare.cpp"
fails spdx kernel/bare.cpp:1 "an empty file"

clean
seq -f '// SPDX-License-Identifier: Apache-2.0 %g' 600 >"$tree/kernel/long.cpp"
passes sizes
echo '// one more' >>"$tree/kernel/long.cpp"
fails sizes kernel/long.cpp:601 "a file of 601 lines"

clean
put kernel/main.cpp 'int  x ;'
fails format kernel/main.cpp:2 "a file out of format"

layer() { # FILE INCLUDE
  clean
  put "$1" '' "#include $2"
  fails layering "$1:3" "$1 that includes $2"
}
layer arch/x86_64/cpu.cpp '"kernel/time/clock.hpp"'
layer sched/core.cpp '"kernel/time/clock.hpp"'
layer sched/core.cpp '<arch/cpu.hpp>'
layer kernel/lib/types.hpp '"kernel/time/clock.hpp"'
layer kernel/main.cpp '<arch_impl/cpu.hpp>'
layer kernel/main.cpp '"main.hpp"'
layer kernel/main.cpp '<kernel/lib/types.hpp>'
layer qemu/main.cpp '"kernel/time/clock.hpp"'

# What the compiler read: ninja's answer is made up.
clean
touch "$tree/build/.ninja_deps"
mkdir -p "$tree/bin"
deps() { printf '#!/bin/sh\ncat <<EOF\n%s: #deps 1, deps mtime 1 (VALID)\n    %s\n\nEOF\n' "$1" "$2" >"$tree/bin/ninja"; }
deps qemu/CMakeFiles/runnel-host.dir/main.cpp.o "$tree/kernel/lib/types.hpp"
chmod +x "$tree/bin/ninja"
PATH=$tree/bin:$PATH passes layering
deps qemu/CMakeFiles/runnel-host.dir/main.cpp.o "$tree/kernel/time/clock.hpp"
PATH=$tree/bin:$PATH fails layering kernel/time/clock.hpp:1 "a kernel header that reaches the host tool"
deps boot/uefi/CMakeFiles/efi-x86_64.dir/main.cpp.o "$tree/kernel/lib/types.hpp"
PATH=$tree/bin:$PATH fails layering kernel/lib/types.hpp:1 "a kernel header that reaches the loader"

clean
cp "$lint/snippets/relax.cpp.txt" "$tree/kernel/relax.cpp"
cp "$lint/snippets/relax.S.txt" "$tree/kernel/relax.S"
for file in kernel/relax.cpp kernel/relax.S; do
  diff <(grep -n 'BAD$' "$tree/$file" | cut -d: -f1) \
    <("$tree/tests/lint/relax.sh" "$tree/build" | grep "^$file:" | cut -d: -f2) >"$tree/diff" ||
    { sed -nE 's/^< (.*)/\1 not found/p; s/^> (.*)/\1 found without need/p' "$tree/diff" |
        sed "s,^,tests/lint/snippets/${file#kernel/}.txt:,"; failed=1; }
done
fails relax kernel/relax.cpp:2 "a wait loop"
rm "$tree/kernel/relax.S"

clean
put tests/host/one.cpp 'TEST_CASE("one", "[F01][F03]") {}'
fails properties tests/host/one.cpp:2 "a test that names an unknown number"
put tests/host/one.cpp 'TEST_CASE("one", "[F01][F02]") {}'
fails properties tests/catalogue/some.missing:2 "a property that is tested and listed as missing"
put tests/host/one.cpp 'TEST_CASE("one", "[other]") {}'
fails properties tests/catalogue/some.txt:1 "a property that is neither"

clean
echo 'CMAKE_BUILD_TYPE:STRING=Release' >"$tree/build/CMakeCache.txt"
touch "$tree/build/runnel-x86_64.elf"
way_out() { # LINE... of the disassembly
  { printf '#!/bin/sh\ncat <<END\n'; printf '\t%b\n' "$@"; echo END; } >"$tree/bin/llvm-objdump-19"
  chmod +x "$tree/bin/llvm-objdump-19"
}
way_out 'cmpb\t\$0x0, 0x3a8(%r15)' 'je\t0x10' 'movl\t\$0x0, 0x3a8(%rax)' 'retq'
PATH=$tree/bin:$PATH passes exit_path
way_out 'cmpb\t\$0x0, 0x3a8(%r15)' 'sete\t%al' 'movl\t\$0x0, 0x3a8(%rax)' 'retq'
PATH=$tree/bin:$PATH fails exit_path "exit_path: x86_64" "a look without its branch"
way_out 'cmpb\t\$0x0, 0x3a8(%r15)' 'je\t0x10' 'cmpb\t\$0x0, 0x3a8(%r15)' 'je\t0x10' 'movl\t\$0x0, 0x3a8(%rax)'
PATH=$tree/bin:$PATH fails exit_path "exit_path: x86_64" "two looks"

clean
passes tidy
put kernel/main.cpp 'int answer(int* p) {' '  if (p == 0) return 1;' '  return 42;' '}'
fails tidy kernel/main.cpp:3 "0 in place of nullptr"
fails tidy kernel/main.cpp:3 "the same once more (only what passed may be remembered)"
put kernel/lib/types.hpp '#pragma once' 'inline int* none() { return 0; }'
put kernel/main.cpp '#include "kernel/lib/types.hpp"'
fails tidy kernel/lib/types.hpp:3 "0 in place of nullptr in a header"
put kernel/lib/types.hpp '#pragma once' 'inline int* none() { return nullptr; }'
passes tidy

[ $failed = 0 ] && echo "selftest: every lint passes on a clean tree and fails on a planted violation"
exit $failed
