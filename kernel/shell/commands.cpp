// SPDX-License-Identifier: Apache-2.0
#include "kernel/shell/commands.hpp"

#include "kernel/debug/panic.hpp"
#include "kernel/debug/watchdog.hpp"
#include "kernel/log/log.hpp"
#include "kernel/mm/usage.hpp"
#include "kernel/shell/nearest.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/test/runner.hpp"

#include <arch/power.hpp>

namespace runnel::shell {
namespace {

void help(Session&, std::string_view) {
  for (const Command& command : commands()) {
    char usage[32];
    BufferSink sink{usage};
    format_to(sink, "{} {}", command.name, command.argument);
    raw_print("  {:16} {}", sink.view(), command.help);
  }
}

void list(Session&, std::string_view globs) {
  u32 shown = 0;
  for (const test::TestCase& test : test::all_tests()) {
    if (!test::is_selected(test, globs.empty() ? "*" : globs)) continue;
    raw_print("  {:40} {}:{}", test.name, test.file, test.line);
    ++shown;
  }
  raw_print("{} of this image's {} tests", shown, test::all_tests().size());
}

void run_tests(Session& session, std::string_view globs) {
  watchdog_heartbeat(Heartbeat::kOn);
  const boot::ExitCode result = test::run_tests(globs);
  if (result == boot::ExitCode::kPassed || result == boot::ExitCode::kFailed) session.result = result;
  watchdog_heartbeat(Heartbeat::kOff);
}

void memory(Session&, std::string_view) {
  static constinit char text[4096] =
      {}; // first into memory: what it asks takes locks that come before the console's
  BufferSink sink{text};
  mm::mm_describe(sink);
  log::raw_write(sink.view());
}

void hang(Session&, std::string_view) {
  raw_print("interrupts off, looping; another CPU will notice in four to five seconds, if there is one");
  arch::Cpu::irq_disable();
  for (;;) arch::Cpu::relax();
}

constexpr Command kCommands[] = {
    {"help", "", "this list", help},
    {"list", "[GLOB]", "the tests of this image", list},
    {"test", "GLOB", "run tests: suite.case, a suite, with * ? [..]; several with commas", run_tests},
    {"ps", "", "the threads", [](Session&, std::string_view) { show_threads(); }},
    {"cpus", "", "the CPUs, what they run, the interrupts they took",
     [](Session&, std::string_view) { show_cpus(); }},
    {"backtrace", "", "where every CPU is now", [](Session&, std::string_view) { show_backtraces(); }},
    {"memory", "", "what is used and free", memory},
    {"log", "", "the kernel log kept in memory", [](Session&, std::string_view) { show_log(); }},
    {"panic", "", "end with a panic report",
     [](Session&, std::string_view) { panic("asked for in the shell"); }},
    {"hang", "", "stop this CPU with interrupts off, for the watchdog to find", hang},
    {"reboot", "", "reset the machine", [](Session&, std::string_view) { arch::reboot(machine_info()); }},
    {"exit", "", "end the run", [](Session& session, std::string_view) { session.done = true; }},
};

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

void say_unknown(std::string_view name) {
  std::string_view names[std::size(kCommands)];
  for (usize i = 0; i < std::size(kCommands); ++i) names[i] = kCommands[i].name;
  if (const std::string_view near = nearest(name, names); !near.empty())
    return raw_print("unknown command '{}'; did you mean '{}'? (help lists them all)", name, near);
  log::RawBlock block;
  format_to(block, "unknown command '{}'; allowed:", name);
  for (const std::string_view known : names) format_to(block, " {}", known);
  block.write("\n");
}

} // namespace

std::span<const Command> commands() { return kCommands; }

void execute(Session& session, std::string_view line) {
  line = trim(line);
  if (line.empty()) return;
  const auto blank = line.find_first_of(" \t");
  const std::string_view name = line.substr(0, blank);
  const std::string_view argument =
      blank == std::string_view::npos ? std::string_view{} : trim(line.substr(blank));
  for (const Command& command : kCommands) {
    if (command.name != name) continue;
    const bool takes = !command.argument.empty(), needs = takes && command.argument[0] != '[';
    if (!takes && !argument.empty()) return raw_print("{} takes no argument, got '{}'", name, argument);
    if (needs && argument.empty())
      return raw_print("{} needs an argument: {} {}", name, name, command.argument);
    return command.run(session, argument);
  }
  say_unknown(name);
}

} // namespace runnel::shell
