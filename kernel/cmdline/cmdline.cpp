// SPDX-License-Identifier: Apache-2.0
#include "kernel/cmdline/cmdline.hpp"

#include <optional>

namespace runnel::cmdline {
namespace {

/// A whole text as a decimal or 0x number.
std::optional<u64> parse_number(std::string_view text) {
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  if (text.empty()) return std::nullopt;
  const u64 base = hex ? 16 : 10;
  u64 value = 0;
  for (const char c : text) {
    u64 digit = base;
    if (c >= '0' && c <= '9') digit = static_cast<u64>(c - '0');
    if (c >= 'a' && c <= 'f') digit = static_cast<u64>(c - 'a') + 10;
    if (digit >= base || value > (~u64{0} - digit) / base) return std::nullopt;
    value = value * base + digit;
  }
  return value;
}

std::optional<u64> parse_number(std::string_view text, u64 least, u64 most) {
  const auto value = parse_number(text);
  return value && *value >= least && *value <= most ? value : std::nullopt;
}

bool set_verb(Options& line, Verb verb) { return line.verb = verb, true; }

// One word the kernel knows. `set` stores the value and says whether it was allowed.
struct Word {
  std::string_view name;
  std::string_view values; // "": takes none
  bool is_verb;
  bool (*set)(Options&, std::string_view value);
};

constexpr Word kWords[] = {
    {"test", "globs of suite.case, separated by commas", true,
     [](Options& line, std::string_view v) {
       return line.tests = v, !v.empty() && set_verb(line, Verb::kTest);
     }},
    {"run", "", true, [](Options& line, std::string_view) { return set_verb(line, Verb::kRun); }},
    {"exec", "the path of a program in the initrd, from the root", true,
     [](Options& line, std::string_view v) {
       return line.program = v, v.starts_with('/') && set_verb(line, Verb::kExec);
     }},
    {"shell", "", true, [](Options& line, std::string_view) { return set_verb(line, Verb::kShell); }},
    {"seed", "a number from 0 to 18446744073709551615", false,
     [](Options& line, std::string_view v) {
       const auto n = parse_number(v);
       if (n) line.seed = *n;
       return n.has_value();
     }},
    {"log", "quiet, info, debug", false,
     [](Options& line, std::string_view v) {
       if (v == "quiet") return line.log_level = log::Level::kQuiet, true;
       if (v == "info") return line.log_level = log::Level::kInfo, true;
       return line.log_level = log::Level::kDebug, v == "debug";
     }},
    {"limit", "seconds of guest time, from 1 to 86400", false,
     [](Options& line, std::string_view v) {
       const auto n = parse_number(v, 1, 86400);
       if (n) line.limit = 1_s * static_cast<i64>(*n);
       return n.has_value();
     }},
    {"patience", "a number from 1 to 1000", false,
     [](Options& line, std::string_view v) {
       const auto n = parse_number(v, 1, 1000);
       if (n) line.patience = static_cast<u32>(*n);
       return n.has_value();
     }},
    {"linger", "", false, [](Options& line, std::string_view) { return line.linger = true; }},
    {"stdin", "pipe, terminal", false,
     [](Options& line, std::string_view v) {
       line.input = v == "pipe" ? Input::kPipe : Input::kTerminal;
       return v == "pipe" || v == "terminal";
     }},
    {"strace", "", false, [](Options& line, std::string_view) { return line.strace = true; }},
    {"trace", "", false, [](Options& line, std::string_view) { return line.trace = true; }},
    {"preempt", "full, lazy", false,
     [](Options& line, std::string_view v) {
       line.lazy_preempt = v == "lazy";
       return v == "full" || v == "lazy";
     }},
    {"sched_proxy_exec", "0, 1", false,
     [](Options& line, std::string_view v) {
       line.proxy_exec = v == "1";
       return v == "0" || v == "1";
     }},
    {"aslr", "on, off", false,
     [](Options& line, std::string_view v) {
       line.aslr = v == "on";
       return v == "on" || v == "off";
     }},
    {"rseq", "lax, strict, classic", false,
     [](Options& line, std::string_view v) {
       line.rseq_strict = v == "strict";
       line.rseq_classic = v == "classic";
       return v == "lax" || v == "strict" || v == "classic";
     }},
    {"rseq_slice", "on, off", false,
     [](Options& line, std::string_view v) {
       line.rseq_slices = v == "on";
       return v == "on" || v == "off";
     }},
    {"idle", "halt, poll", false,
     [](Options& line, std::string_view v) {
       line.poll_idle = v == "poll";
       return v == "halt" || v == "poll";
     }},
};
constexpr std::string_view kAllWords =
    "test=GLOB[,GLOB...], run, exec=PATH, shell, seed=N, log=quiet|info|debug, "
    "limit=SECONDS, patience=N, linger, stdin=pipe|terminal, strace, trace, "
    "preempt=full|lazy, sched_proxy_exec=0|1, idle=halt|poll, aslr=on|off, rseq=lax|strict|classic, "
    "rseq_slice=on|off";

const Word* find(std::string_view name) {
  for (const Word& word : kWords)
    if (word.name == name) return &word;
  return nullptr;
}

} // namespace

std::expected<Options, Error> parse(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r\n";
  Options result;
  u32 seen = 0; // bit per word of kWords
  bool verb_seen = false;
  for (;;) {
    const auto start = line.find_first_not_of(kBlanks);
    if (start == std::string_view::npos) return result;
    line.remove_prefix(start);
    const std::string_view text = line.substr(0, line.find_first_of(kBlanks));
    line.remove_prefix(text.size());

    const auto equals = text.find('=');
    const bool has_value = equals != std::string_view::npos;
    const Word* word = find(text.substr(0, equals));
    const auto fail = [&](Error::Kind kind, std::string_view allowed) {
      return std::unexpected(Error{kind, text, allowed});
    };
    if (word == nullptr) return fail(Error::Kind::kUnknownWord, kAllWords);
    if (has_value == word->values.empty())
      return fail(Error::Kind::kBadValue, word->values.empty() ? "no value" : word->values);
    const u32 bit = 1u << (word - kWords);
    if ((seen & bit) != 0) return fail(Error::Kind::kTwice, "");
    seen |= bit;
    if (word->is_verb && verb_seen) return fail(Error::Kind::kTwoVerbs, "one of test=, run, exec=, shell");
    verb_seen |= word->is_verb;
    if (!word->set(result, has_value ? text.substr(equals + 1) : std::string_view{}))
      return fail(Error::Kind::kBadValue, word->values);
  }
}

void describe(const Error& error, Sink& sink) {
  switch (error.kind) {
  case Error::Kind::kUnknownWord:
    return format_to(sink, "unknown word '{}' on the command line; allowed: {}", error.word, error.allowed);
  case Error::Kind::kBadValue:
    return format_to(sink, "bad value in '{}' on the command line; allowed: {}", error.word, error.allowed);
  case Error::Kind::kTwoVerbs:
    return format_to(sink, "'{}' on the command line comes after another verb; allowed: {}", error.word,
                     error.allowed);
  case Error::Kind::kTwice:
    return format_to(sink, "'{}' on the command line: that word was given before; allowed: once", error.word);
  }
}

bool parse(std::string_view line, Options& options, Sink& why) {
  const auto parsed = parse(line);
  if (parsed)
    options = *parsed;
  else
    describe(parsed.error(), why);
  return parsed.has_value();
}

} // namespace runnel::cmdline
