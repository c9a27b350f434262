#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# clang-tidy with the tree's .clang-tidy over everything that goes into the images, the loaders and the host tool
# (not the Catch2 tests: their macros cost more than they say). One run a file, though both architectures compile
# it; two at a time. A file that passed is not looked at again until it, a header it reads, its command line or the
# checks change: what passed is remembered under the build directory by content.
# On a cold start everything takes minutes, so after RUNNEL_TIDY_SECONDS (default 30, 0: no limit) no more files are
# begun: the kernel comes first, what failed last time before that, and the rest is said and left to the next run.
. "$(dirname "$0")/common.bash"
command -v clang-tidy-19 >/dev/null || { echo "tidy: clang-tidy-19 is not installed"; exit 1; }
[ -f "$build/compile_commands.json" ] || { echo "tidy: $build has no compile_commands.json: configure it"; exit 1; }
work=$build/lint-tidy
mkdir -p "$work/passed" "$work/failed" "$work/left"
rm -f "$work"/left/*
# The host tool's libraries (JSON, command line) are 15 times the size of a kernel file to a check that looks at all
# the compiler has read: on it only the few run that are worth their time.
tool_checks='-*,bugprone-use-after-move,bugprone-unused-raii,bugprone-dangling-handle,bugprone-infinite-loop'
tool_checks+=',bugprone-misplaced-widening-cast,bugprone-sizeof-expression,bugprone-parent-virtual-call'
tool_checks+=',performance-unnecessary-copy-initialization,performance-for-range-copy,modernize-use-override'

# The header files each source was seen to read in this build (for a file not yet compiled: every header).
{ ninja -C "$build" -t deps 2>/dev/null || true; } >"$work/deps"
cxx_files | xargs -d '\n' -r sha256sum >"$work/hashes"
config=$({ cat .clang-tidy; echo "$tool_checks"; clang-tidy-19 --version; } | sha256sum)

perl - "$root" "$build" "$work" "$config" <<'EOF'
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
my ($root, $build, $work, $config) = @ARGV;
sub slurp { open my $h, '<', $_[0] or die "$_[0]: $!\n"; local $/; return scalar <$h> }

my %hash = map { /^(\w+)\s+(.*)$/ ? ($2, $1) : () } split /\n/, slurp("$work/hashes");
my $every = join ' ', map { $hash{$_} } grep { /\.(?:hpp|h)$/ } sort keys %hash;
my (%reads, @group);
for (split(/\n/, slurp("$work/deps")), '') {
  if (/^\s+(\S+)/) { (my $f = $1) =~ s{^\Q$root\E/|^(?:\.\./)+}{}; push @group, $f; next }
  $reads{$group[0]} = [@group] if @group;
  @group = ();
}

my (%seen, @entries, @todo, %keep);
for my $entry (slurp("$build/compile_commands.json") =~ /\{[^{}]*\}/g) {
  my ($file) = $entry =~ /"file":\s*"([^"]*)"/ or next;
  next unless $file =~ s{^\Q$root\E/}{};
  next unless $file =~ m{^(?:kernel|arch|sched|ns|boot|qemu|tests/target)/.*\.cpp$} && !$seen{$file}++;
  $entry =~ s/-Xclang -include-pch -Xclang \S+ //; # not built yet, or older than its headers; the text follows
  push @entries, $entry;
  my @needs = $reads{$file} ? map { $hash{$_} // '' } @{$reads{$file}} : ($hash{$file} // '', $every);
  my $key = sha256_hex(join ' ', $config, $entry, @needs);
  $keep{$key} = 1;
  push @todo, "$file\t$key" unless -e "$work/passed/$key";
}
opendir my $dir, "$work/passed" or die;
for (readdir $dir) { unlink "$work/passed/$_" if /^\w+$/ && !$keep{$_} }

open my $db, '>', "$work/compile_commands.json" or die;
print $db "[\n", join(",\n", @entries), "\n]\n";
open my $todo, '>', "$work/todo" or die;
my $urgency = sub { my ($file) = split /\t/, $_[0]; (my $name = $file) =~ tr{/}{_};
                    return -e "$work/failed/$name" ? 0 : $file =~ m{^qemu/} ? 2 : 1 };
print $todo map { "$_\n" } sort { $urgency->($a) <=> $urgency->($b) || $a cmp $b } @todo;
printf "tidy: %d files, %d to check\n", scalar @entries, scalar @todo;
EOF

check_one() { # "FILE<TAB>KEY"
  local file=${1%%$'\t'*} key=${1##*$'\t'} name checks=() out
  name=${file//\//_}
  if [ "$limit" != 0 ] && [ $((EPOCHSECONDS - started)) -ge "$limit" ]; then
    : >"$work/left/$name"
    return
  fi
  [[ $file != qemu/* ]] || checks=(--checks="$tool_checks")
  if out=$(clang-tidy-19 -p "$work" --quiet --config-file=.clang-tidy "${checks[@]}" "$root/$file" 2>/dev/null); then
    : >"$work/passed/$key"
    rm -f "$work/failed/$name"
  else
    : >"$work/failed/$name"
    : >"$work/bad"
    out=$(grep -E '(error|warning):' <<<"$out" | sed "s,^$root/,,") || out=
    printf '%s\n' "${out:-$file:1: clang-tidy failed}"
  fi
}
export -f check_one
limit=${RUNNEL_TIDY_SECONDS:-30} started=$EPOCHSECONDS
export work root limit started tool_checks
rm -f "$work/bad"
xargs -d '\n' -r -P 2 -I{} bash -c 'check_one "$1"' _ {} <"$work/todo" | awk '!seen[$0]++'
left=$(find "$work/left" -type f | wc -l)
[ "$left" = 0 ] || echo "tidy: $limit s are over, $left files left to the next run (RUNNEL_TIDY_SECONDS=0: all now)"
[ ! -e "$work/bad" ]
