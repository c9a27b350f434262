// SPDX-License-Identifier: Apache-2.0
// The commands of the shell.
#pragma once

#include "boot/boot_info.hpp"
#include "kernel/lib/types.hpp"

#include <span>
#include <string_view>

namespace runnel::shell {

/// What lives from one command to the next.
struct Session {
  bool done = false;
  boot::ExitCode result = boot::ExitCode::kPassed;
};

struct Command {
  std::string_view name;
  std::string_view argument; // as `help` shows it; "" when it takes none
  std::string_view help;
  void (*run)(Session& session, std::string_view argument);
};

/// All of them, in the order `help` shows.
std::span<const Command> commands();

/// Finds and runs the command of one line; says so when there is none or its argument is not allowed.
void execute(Session& session, std::string_view line);

// Those that show the machine (inspect.cpp).
void show_threads();
void show_cpus();
void show_log();
/// Where every CPU is: a backtrace each.
void show_backtraces();

} // namespace runnel::shell
