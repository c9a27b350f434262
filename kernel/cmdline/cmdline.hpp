// SPDX-License-Identifier: Apache-2.0
// The kernel command line: words separated by spaces, `name` or `name=value`. Nothing is guessed: a word that
// is not known, a value that is not allowed and two verbs at once are errors that name the word and what is
// allowed.
#pragma once

#include "kernel/lib/format.hpp"
#include "kernel/lib/types.hpp"
#include "kernel/log/level.hpp"

#include <expected>
#include <string_view>

namespace runnel::cmdline {

/// What a program's standard input is.
enum class Input : u8 { kNone, kPipe, kTerminal };
enum class Verb : u8 { kShell, kTest, kRun, kExec };

/// Texts point into the parsed line.
struct Options {
  Verb verb = Verb::kShell;
  std::string_view tests;   // kTest: globs, separated by commas
  std::string_view program; // kExec: path in the initrd; its arguments lie beside it (kernel/user/run.hpp)
  u64 seed = 1;
  log::Level log_level = log::Level::kInfo;
  Duration limit;   // of the whole run in guest time; 0: none
  u32 patience = 5; // every test's own limit is multiplied by it: an emulator on a busy host is slow
  bool linger = false;
  Input input = Input::kNone;
  bool strace = false; // programs' system calls are told (kernel/user/strace)
  bool trace = false;
  bool lazy_preempt = false; // preempt=lazy: tasks of one class change at the tick (spec sched_core 1.9)
  bool aslr = true;          // aslr=off: all users' address spaces are laid out alike
  bool rseq_classic = false; // rseq=classic: what Linux once did, for comparison
  bool rseq_strict = false;  // rseq=strict: programs that break its rules are killed
  bool rseq_slices = true;   // rseq_slice=off: no time slice extensions
  bool proxy_exec = false;   // spec sched_core 6
  bool poll_idle = false;    // the idle loop spins on need_resched and is sent no IPIs (spec sched_core 1.14)

  std::string_view test_globs() const { return tests; }
};

/// What is wrong with which word.
struct Error {
  enum class Kind : u8 { kUnknownWord, kBadValue, kTwoVerbs, kTwice };
  Kind kind{};
  std::string_view word;
  std::string_view allowed; // kUnknownWord: all words; kBadValue: the values
};

std::expected<Options, Error> parse(std::string_view line);

/// "unknown word 'x'; allowed: ..." for the line `runnel: error ...`.
void describe(const Error& error, Sink& sink);

/// Both at once: false, and the description in `why`, on an error.
bool parse(std::string_view line, Options& options, Sink& why);

} // namespace runnel::cmdline
