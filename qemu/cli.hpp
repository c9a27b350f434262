// SPDX-License-Identifier: Apache-2.0
// The commands of the tool. Each adds its subcommand to the application and, when it is the one chosen,
// leaves what is to be done in `action`.
#pragma once

#include "qemu/exit_status.hpp"

#include <CLI/CLI.hpp>
#include <functional>

namespace runnel::qemu {

using Action = std::function<ExitStatus()>;

void add_run_command(CLI::App& app, Action& action);
void add_exec_command(CLI::App& app, Action& action);
void add_trace_command(CLI::App& app, Action& action);
void add_test_command(CLI::App& app, Action& action);
void add_list_command(CLI::App& app, Action& action);
void add_properties_command(CLI::App& app, Action& action);
void add_boot_command(CLI::App& app, Action& action);
void add_debug_command(CLI::App& app, Action& action);
void add_bench_command(CLI::App& app, Action& action);
void add_doctor_command(CLI::App& app, Action& action);
void add_completion_command(CLI::App& app, Action& action);

/// The whole tool: parses, runs, says what went wrong; the exit status.
int run_cli(int argc, char** argv);

/// The table of exit statuses for --help.
const char* exit_status_help();

} // namespace runnel::qemu
