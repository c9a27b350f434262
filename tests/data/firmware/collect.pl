#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Cuts firmware tables out of what QEMU saved (dump.sh calls it):
#   collect.pl acpi MEMORY BASE SCAN_FROM SCAN_TO OUT   root pointer, table list and static tables of a memory image
#   collect.pl dtb TREE OUT                             a device tree without the unused room at its end
# An .acpi file is a row of records { u64 physical address, u64 size, bytes }, little-endian; the first is the root
# pointer. Tables of byte code (DSDT, SSDT) are left out: nothing reads them.
use strict;
use warnings;

sub slurp {
  my ($path) = @_;
  open(my $in, '<:raw', $path) or die "collect.pl: $path: $!\n";
  local $/;
  return <$in>;
}

sub spill {
  my ($path, $bytes) = @_;
  open(my $out, '>:raw', $path) or die "collect.pl: $path: $!\n";
  print $out $bytes;
  close($out) or die "collect.pl: $path: $!\n";
}

sub adds_up { return unpack('%8C*', $_[0]) == 0; }

sub dtb {
  my ($tree, $out) = @_;
  my $blob = slurp($tree);
  my @header = unpack('N10', $blob);
  my $end = $header[3] + $header[8];    # strings come last
  substr($blob, 4, 4) = pack('N', $end);
  spill($out, substr($blob, 0, $end));
}

# Exit status 1: no complete set of tables (yet).
sub acpi {
  my ($path, $base, $from, $to, $out) = @_;
  ($base, $from, $to) = map { oct($_) || $_ } $base, $from, $to;
  my $memory = slurp($path);
  my $part = sub {
    my ($at, $size) = @_;
    exit 1 if $at < $base || $at - $base + $size > length $memory;
    return substr($memory, $at - $base, $size);
  };
  my $table = sub {
    my ($at) = @_;
    my $bytes = $part->($at, unpack('V', $part->($at + 4, 4)));
    exit 1 unless length($bytes) >= 36 && adds_up($bytes);
    return $bytes;
  };

  my $window = $part->($from, $to - $from);
  my $root;
  # UEFI firmware leaves copies behind: the last one with an XSDT whose tables are all there is the live one.
  for (my $i = index($window, 'RSD PTR '); $i >= 0; $i = index($window, 'RSD PTR ', $i + 1)) {
    next if ($from + $i) % 4 != 0 || !adds_up(substr($window, $i, 20));
    $root = $from + $i;
  }
  exit 1 unless defined $root;
  my ($revision, $rsdt, $length, $xsdt) = unpack('C V V Q', $part->($root + 15, 21));
  my @records = ([$root, $part->($root, $revision >= 2 ? $length : 20)]);
  my $list_at = $revision >= 2 && $xsdt ? $xsdt : $rsdt;
  my $list = $table->($list_at);
  push @records, [$list_at, $list];
  my @entries = unpack($list_at == ($xsdt // 0) && $revision >= 2 ? 'Q*' : 'V*', substr($list, 36));
  my %seen;
  for my $at (@entries) {
    my $bytes = $table->($at);
    my $name = substr($bytes, 0, 4);
    $seen{$name} = 1;
    push @records, [$at, $bytes] unless $name eq 'SSDT';
  }
  exit 1 unless $seen{APIC} && $seen{FACP};
  spill($out, join('', map { pack('QQ', $_->[0], length $_->[1]) . $_->[1] } @records));
}

my $what = shift // '';
if ($what eq 'acpi' && @ARGV == 5) { acpi(@ARGV); }
elsif ($what eq 'dtb' && @ARGV == 2) { dtb(@ARGV); }
else { die "usage: collect.pl acpi MEMORY BASE SCAN_FROM SCAN_TO OUT | collect.pl dtb TREE OUT\n"; }
