// SPDX-License-Identifier: Apache-2.0
#include "qemu/cli.hpp"

#include "qemu/interrupt.hpp"

#include <cstdio>
#include <fmt/format.h>

namespace runnel::qemu {
namespace {

constexpr const char* kDescription = "Runnel: a scheduler laboratory. Boots a small SMP kernel on x86_64 and "
                                     "aarch64 under QEMU, runs its tests\n"
                                     "and workloads, and reports over the serial line.";

std::string names_of_commands(const CLI::App& app) {
  std::string names;
  for (const CLI::App* sub : app.get_subcommands(nullptr)) {
    if (!names.empty()) names += ", ";
    names += sub->get_name();
  }
  return names;
}

/// What CLI11 says of a bad command line, with the names that would have been right.
std::string explain(CLI::App& app, const CLI::ParseError& error, const char* first_word) {
  std::string text = error.what();
  if (app.get_subcommands().empty()) {
    if (first_word != nullptr) text = fmt::format("unknown command '{}'", first_word);
    return fmt::format("{}\nallowed commands: {}", text, names_of_commands(app));
  }
  const CLI::App* sub = app.get_subcommands().front();
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    std::string options;
    for (const CLI::Option* option : sub->get_options())
      if (option->nonpositional())
        options += fmt::format("{}{}", options.empty() ? "" : ", ", option->get_name());
    text += fmt::format("\nallowed options of {}: {}", sub->get_name(), options);
  }
  return fmt::format("{}\nrunnel {} --help explains them", text, sub->get_name());
}

/// The arguments in the order CLI11 wants them. It reads a word in brackets as a list and takes them off, but
/// `test` is to get Catch2's tags as they are: a space in front, which it takes off again, keeps them.
std::vector<std::string> arguments(int argc, char** argv) {
  std::vector<std::string> words;
  for (int i = argc - 1; i > 0; --i) words.emplace_back(argv[i]);
  if (!words.empty() && words.back() == "test")
    for (std::string& word : words)
      if (word.starts_with('[') && word.ends_with(']')) word.insert(0, 1, ' ');
  return words;
}

} // namespace

const char* exit_status_help() {
  return "Exit status:\n"
         "  0  passed                          5  guest crash: QEMU died, or triple fault\n"
         "  1  tests failed                    6  a program, package or firmware is missing\n"
         "  2  bad arguments or scenario       7  boot failed: image, initrd or kernel command line\n"
         "  3  guest panic                     8  internal contradiction\n"
         "  4  guest hang                    130  interrupted\n"
         "The highest one counts when several apply.";
}

int run_cli(int argc, char** argv) {
  install_interrupt_handlers();
  CLI::App app{kDescription, "runnel"};
  app.require_subcommand(1);
  app.footer(
      std::string(exit_status_help()) +
      "\n\nBefore the command, ./runnel takes: --no-install (say which packages are missing instead of\n"
      "installing them), --release or --debug (which build; RUNNEL_PRESET=NAME does the same).");
  Action action;
  add_run_command(app, action);
  add_exec_command(app, action);
  add_trace_command(app, action);
  add_test_command(app, action);
  add_list_command(app, action);
  add_properties_command(app, action);
  add_boot_command(app, action);
  add_debug_command(app, action);
  add_bench_command(app, action);
  add_doctor_command(app, action);
  add_completion_command(app, action);
  for (CLI::App* sub : app.get_subcommands(nullptr))
    if (sub->get_footer().empty()) sub->footer(exit_status_help());
  try {
    app.parse(arguments(argc, argv));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error); // --help
    fmt::print(stderr, "runnel: {}\n", explain(app, error, argc > 1 ? argv[1] : nullptr));
    return static_cast<int>(ExitStatus::kUsage);
  }
  ExitStatus status = ExitStatus::kInternal;
  try {
    status = action();
  } catch (const Failure& failure) {
    std::fflush(stdout);
    fmt::print(stderr, "runnel: {}\n", failure.what());
    status = failure.status();
  } catch (const std::exception& error) {
    std::fflush(stdout);
    fmt::print(stderr, "runnel: internal error: {}\n", error.what());
  }
  return static_cast<int>(status);
}

} // namespace runnel::qemu
