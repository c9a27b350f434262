#!/usr/bin/env perl
# SPDX-License-Identifier: Apache-2.0
# relax.pl FILE...: finds wait loops without a relax instruction; prints file:line for each, exits 1 if any.
#
# C++: a loop waits when it looks at state that others change (an atomic load, a failed try-lock, the clock, a
# device register: %SHARED) or has nothing to end it, and makes no progress of its own: its body is empty or only
# reads, that is: no assignment (but the initialisers of locals), no ++ or --, no call but to known readers. A call
# to any other function counts as progress, so lock-free loops, drains and work loops pass.
# Such a loop must name a relaxer (%RELAX) in its condition or body.
# Assembly: a loop of at most five instructions that only load, compare and branch.
use strict;
use warnings;

my $RELAX = qr/\b(?:relax|burn|\w*yield|\w*halt|wfi|wfe|hlt|pause|wait_for_\w+|sleep\w*|schedule\w*)\b/;
my $SHARED = qr/(?:\.|->)(?:load|test|test_and_set|exchange|try_\w+)\s*\(|\bvolatile\b|\b(?:try_lock|now|clock\w*|cycles|elapsed\w*|expired)\s*\(|\b(?:mmio_|port_)?(?:read|in)(?:8|16|32|64|b|w|l|q)?\s*(?:<[^<>]*>)?\(|\brd(?:msr|tsc)\s*\(|\b(?:is|has)_\w+\s*\(|\b\w*(?:pending|ready|done|busy|online|status)\s*\(/;
my $READER = qr/^(?:load|test|now|clock\w*|cycles|elapsed\w*|expired|(?:mmio_|port_)?(?:read|in)(?:8|16|32|64|b|w|l|q)?|rdmsr|rdtsc|is_\w+|has_\w+|\w*(?:pending|ready|done|busy|online|status)|size|count|empty|value|get|min|max|static_cast|reinterpret_cast|const_cast|if|return|sizeof|this_cpu|irqs_enabled|likely|unlikely|try_lock|test_and_set|exchange|while|for|switch)$/;

# Text of a bracket pair that starts at $at, and where it ends; strings and comments are blanked before.
sub bracketed {
  my ($text, $at, $open, $close) = @_;
  my $depth = 0;
  for (my $i = $at; $i < length $text; $i++) {
    my $c = substr $text, $i, 1;
    $depth++ if $c eq $open;
    return (substr($text, $at + 1, $i - $at - 1), $i + 1) if $c eq $close && --$depth == 0;
  }
  return;
}

# The statement that starts at $at: a block, or up to its semicolon.
sub statement {
  my ($text, $at) = @_;
  $at++ while substr($text, $at, 1) =~ /\s/;
  return bracketed($text, $at, '{', '}') if substr($text, $at, 1) eq '{';
  my $depth = 0;
  for (my $i = $at; $i < length $text; $i++) {
    my $c = substr $text, $i, 1;
    $depth++ if $c =~ /[({\[]/;
    $depth-- if $c =~ /[)}\]]/;
    return (substr($text, $at, $i - $at), $i + 1) if $c eq ';' && $depth == 0;
  }
  return;
}

sub blank { my $t = shift; $t =~ s/[^\n]/ /g; return $t }

# Comments and literals become blanks of the same length; assembly text stays, it may hold the relaxer.
sub strip {
  my $text = shift;
  $text =~ s{(/\*.*?\*/|//[^\n]*)|("(?:\\.|[^"\\\n])*")|('(?:\\.|[^'\\\n])+')}
            {defined $2 ? do { my $s = $2; $s =~ s/[(){};]/ /g; $s } : blank($&)}gse;
  return $text;
}

sub makes_progress {
  my $body = shift;
  $body =~ s/\basm\s+volatile\s*\(\s*""[^;]*;//g;         # a compiler barrier is no progress
  $body =~ s/"(?:\\.|[^"\\])*"/ /g;
  return 1 if $body =~ /\+\+|--|[-+*\/|&^%]=|<<=|>>=/;
  my $plain = $body;
  $plain =~ s/(?:==|!=|<=|>=)/ /g;
  $plain =~ s/\b(?:const\s+)?(?:auto|bool|u8|u16|u32|u64|i64|usize|std::\w+|Instant|Duration)\s*[&*]?\s*\w+\s*=/ /g;
  return 1 if $plain =~ /=/;
  return 1 if $plain =~ /\basm\b/;
  while ($plain =~ /([A-Za-z_]\w*)\s*(?:<[^<>;]*>)?\s*\(/g) { return 1 if $1 !~ $READER }
  return 0;
}

sub check_cxx {
  my ($file, $source) = @_;
  my $text = strip($source);
  my (@bad, %tail);
  my $report = sub {
    my ($at, $what) = @_;
    my $line = 1 + (substr($text, 0, $at) =~ tr/\n//);
    push @bad, [$line, "$file:$line: $what without Cpu::relax()"];
  };
  while ($text =~ /\b(while|for|do)\b/g) {
    my ($kind, $start, $after) = ($1, $-[1], pos $text);
    next if $tail{$start};
    my ($condition, $body, $end, $step) = ('', '', $after, '');
    if ($kind eq 'do') {
      ($body, $end) = statement($text, $after);
      next unless defined $body && substr($text, $end) =~ /^\s*while\s*(?=\()/;
      my $open = $end + $+[0];
      $tail{$end + index(substr($text, $end), 'while')} = 1;
      ($condition) = bracketed($text, $open, '(', ')');
    } else {
      next unless substr($text, $after) =~ /^\s*(?=\()/;
      ($condition, $end) = bracketed($text, $after + $+[0], '(', ')');
      next unless defined $condition;
      ($body) = statement($text, $end);
    }
    next unless defined $condition && defined $body;
    if ($kind eq 'for') {
      my @clauses = split /;/, $condition, -1;
      next if @clauses != 3;                               # over a range
      ($condition, $step) = @clauses[1, 2];
    }
    next if "$condition $body" =~ $RELAX;
    my $endless = $condition =~ /^\s*(?:true|1)?\s*$/;
    my $shared = $condition =~ $SHARED || ($endless && $body =~ $SHARED);
    # A step that moves on (for (p = head; p; p = p->next)) is progress, unless what ends the loop is shared state:
    # then it only counts the tries.
    next if !$shared && !($endless && $step !~ /\S/ && $body !~ /\S/);
    next if makes_progress($body);
    next if $condition =~ /compare_exchange|fetch_/;       # somebody made progress when it fails
    next if $condition =~ /(?<![=!<>])=(?!=)|\+\+|--/ && $condition !~ /\b(?:auto|bool)\b/ && $body =~ /\S/;
    $report->($start, $endless ? 'endless loop' : 'wait loop');
  }
  return map { $_->[1] } sort { $a->[0] <=> $b->[0] } @bad;
}

sub check_assembly {
  my ($file, $source) = @_;
  my (@bad, %label, @code);
  my $harmless = qr/^(?:ldr\w*|ldar\w*|ldax?r\w*|mov[lqwb]?|cmp\w?|test\w?|tst|cb\w+|tb\w+|b|b\.\w+|j\w+|in[bwl]|bt[lqw]?|dmb|dsb|isb|lfence|nop)$/;
  my $number = 0;
  for my $raw (split /\n/, $source) {
    $number++;
    (my $line = $raw) =~ s{//.*|/\*.*?\*/|#(?![\w(-]).*}{};
    for my $part (split /;/, $line) {
      while ($part =~ s/^\s*([\w.\$]+)://) { $label{$1} = @code }
      next unless $part =~ /^\s*([a-z][\w.]*)\s*(.*?)\s*$/;
      my ($op, $args) = ($1, $2);
      push @code, $op;
      next unless $op =~ /^(?:b|b\.\w+|cb\w+|tb\w+|j\w+)$/;
      my ($target) = $args =~ /([\w.\$]+)$/ or next;
      my $to = $target eq '.' ? $#code : $target =~ /^(\d+)b$/ ? $label{$1} : $label{$target};
      next unless defined $to && @code - $to <= 5;
      my @loop = @code[$to .. $#code];
      next if grep { $_ !~ $harmless } @loop;
      push @bad, "$file:$number: wait loop without pause, yield, wfe or hlt";
    }
  }
  return @bad;
}

my $failed = 0;
for my $file (@ARGV) {
  open my $handle, '<', $file or die "$file: $!\n";
  my $source = do { local $/; <$handle> };
  for my $message ($file =~ /\.S$/ ? check_assembly($file, $source) : check_cxx($file, $source)) {
    print "$message\n";
    $failed = 1;
  }
}
exit $failed;
