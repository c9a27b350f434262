// SPDX-License-Identifier: Apache-2.0
// runnel exec: a Linux program of this host's files on the kernel, its output here, its exit status as ours.
#include "qemu/cli.hpp"
#include "qemu/cli_machine.hpp"
#include "qemu/exec/input.hpp"
#include "qemu/exec/run.hpp"

#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <memory>

namespace runnel::qemu {
namespace {

constexpr u32 kDefaultCpus = 4, kSignalBase = 128, kMaxLimit = 86400;

struct Options {
  MachineOptions machine;
  std::vector<std::string> words; // the program and its arguments
  std::vector<std::string> environment, files, programs, sysroots;
  u32 limit = 0; // seconds of guest time; 0: none
  std::string log;
  bool verbose = false, strace = false, input = false;
};

void write_all(std::FILE* file, std::string_view bytes) {
  std::fwrite(bytes.data(), 1, bytes.size(), file);
  std::fflush(file);
}

/// Bytes come at another time in every run, so a deterministic one has none unless it is told to.
bool gives_input(const Options& options) {
  return !input_kind().empty() && (options.input || !options.machine.deterministic);
}

std::string kernel_words(const Options& options) {
  std::string words = fmt::format("seed={} log={}", options.machine.seed, options.verbose ? "info" : "quiet");
  if (options.limit != 0) words += fmt::format(" limit={}", options.limit);
  if (options.strace) words += " strace";
  if (gives_input(options)) words += fmt::format(" stdin={}", input_kind());
  if (!options.machine.append.empty()) words += " " + options.machine.append;
  return words;
}

/// The kernel fell or would not start the program: everything it said, and why.
ExitStatus show_failure(const GuestRun& run, const fs::path& elf, ExitStatus status) {
  fmt::print(stderr, "{}", failure_text(run, elf));
  fmt::print(stderr, "runnel: {}\n", run.reason.empty() ? "the run failed" : run.reason);
  return status;
}

ExitStatus status_of_program(const ProgramEndLine& end, const std::string& program) {
  if (end.how == ProgramEndLine::How::kExited) return static_cast<ExitStatus>(end.number);
  fmt::print(stderr, "runnel: {} was killed by signal {} ({})\n", program, end.number,
             ::strsignal(static_cast<int>(end.number)));
  return static_cast<ExitStatus>(kSignalBase + end.number);
}

/// Calls the program wanted and the kernel does not have, in one line.
void show_missing(const std::vector<MissingLine>& missing) {
  if (missing.empty()) return;
  std::string text;
  for (const MissingLine& call : missing)
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ",
                        call.name == "?" ? "numbers of no call" : call.name, call.count);
  fmt::print(stderr, "runnel: system calls that are not there, and how often they were made: {}\n", text);
}

ExitStatus exec(const Options& options) {
  if (options.words.empty()) throw Failure(ExitStatus::kUsage, "exec: no PROGRAM given");
  const std::string& program = options.words.front();
  if (program.starts_with('-'))
    throw Failure(ExitStatus::kUsage,
                  fmt::format("exec: unknown option '{}'\nrunnel exec --help explains them", program));
  const Arch arch = options.machine.arches.front();
  GuestFilesInput wanted{.arch = arch,
                         .program = program,
                         .arguments = {options.words.begin() + 1, options.words.end()},
                         .environment = options.environment,
                         .files = options.files,
                         .programs = options.programs,
                         .sysroots = {options.sysroots.begin(), options.sysroots.end()}};
  const GuestFiles files = collect_guest_files(wanted);

  ProgramRunOptions how;
  const u32 cpus = options.machine.smp.empty() ? kDefaultCpus : options.machine.smp.front();
  how.machine = options.machine.spec(arch, cpus, options.machine.boot.value_or(BootPath::kDirect));
  how.elf =
      options.machine.kernel.empty() ? image_elf(arch, Image::kKernel) : fs::path(options.machine.kernel);
  how.kernel_words = kernel_words(options);
  how.pass_input = gives_input(options);
  how.silence_seconds = options.machine.silence();
  how.output = [](std::string_view bytes) { write_all(stdout, bytes); };
  if (options.verbose) how.log = [](std::string_view line) { fmt::print(stderr, "{}\n", line); };
  std::vector<MissingLine> missing;
  how.on_line = [&](const ProtocolLine& line) {
    if (const auto* call = std::get_if<MissingLine>(&line)) missing.push_back(*call);
    if (const auto* killed = std::get_if<KilledLine>(&line))
      fmt::print(stderr, "runnel: killed {}\n", killed->text);
    if (const auto* call = std::get_if<StraceLine>(&line))
      fmt::print(stderr, "[pid {:>5}] {}\n", call->thread, call->text);
  };
  const ProgramRun run = run_program(files, how);
  if (!options.log.empty()) write_file(options.log, run.guest.serial);
  const ExitStatus status = status_of(run.guest);
  if (status > ExitStatus::kFailed) return show_failure(run.guest, how.elf, status);
  show_missing(missing);
  if (!run.ended) throw Failure(ExitStatus::kInternal, "the kernel did not say how the program ended");
  return status_of_program(*run.ended, files.program);
}

constexpr const char* kFooter = "Everything after PROGRAM belongs to it. Exit status: the program's own; 128 "
                                "+ N when signal N killed it.\n"
                                "When the program could not run to its end, a line on stderr says why, and "
                                "the status is that of the other\n"
                                "commands (2 bad arguments, 3 panic, 4 hang or --limit, 5 crash, 6 something "
                                "is missing, 7 not started).\n\n";

} // namespace

void add_exec_command(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* sub =
      app.add_subcommand("exec", "Runs a Linux program on the kernel: exec [OPTIONS] PROGRAM [ARGS...]");
  options->machine.add_to(*sub, MachineOptions::Arches::kOne, MachineOptions::Smp::kOne);
  sub->add_option("--env", options->environment,
                  "NAME=VALUE of its environment, once for each (default: none)")
      ->allow_extra_args(false) // one value each time it is given: what follows is PROGRAM
      ->type_name("NAME=VALUE");
  sub->add_option("--file", options->files, "A file of this host it finds there, once for each")
      ->allow_extra_args(false) // one value each time it is given: what follows is PROGRAM
      ->type_name("HOST:GUEST");
  sub->add_option("--program", options->programs,
                  "Another program it may start, in /bin with its libraries, once for each")
      ->allow_extra_args(false) // one value each time it is given: what follows is PROGRAM
      ->type_name("PATH");
  sub->add_option("--sysroot", options->sysroots,
                  "Where a dynamic program's linker and libraries are (default /usr/ARCH-linux-gnu, then /)")
      ->allow_extra_args(false) // one value each time it is given: what follows is PROGRAM
      ->type_name("DIR");
  sub->add_option("--limit", options->limit, "Ends it after so many seconds of the machine's time, status 4")
      ->check(CLI::Range(1u, kMaxLimit))
      ->type_name("S");
  sub->add_flag("--stdin", options->input, "With --deterministic: gives it standard input all the same");
  sub->add_flag("--strace", options->strace, "Shows every system call on stderr");
  sub->add_option("--log", options->log, "Writes the serial log")->type_name("FILE");
  sub->add_flag("-v,--verbose", options->verbose, "Shows the kernel's log on stderr");
  sub->prefix_command();
  sub->callback([sub, options, &action] {
    options->words = sub->remaining();
    action = [options] { return exec(*options); };
  });
  sub->footer(std::string(kFooter) + exit_status_help());
}

} // namespace runnel::qemu
