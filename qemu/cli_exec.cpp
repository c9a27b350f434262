// SPDX-License-Identifier: Apache-2.0
// runnel exec: a Linux program of this host's files on the kernel, its output here, its exit status as ours.
#include "qemu/cli.hpp"
#include "qemu/cli_machine.hpp"
#include "qemu/exec/guest_files.hpp"
#include "qemu/exec/input.hpp"
#include "qemu/exec/output.hpp"
#include "qemu/lines.hpp"
#include "qemu/symbolize.hpp"
#include "qemu/volume.hpp"

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
  std::vector<std::string> environment, files, sysroots;
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

std::string kernel_words(const Options& options, const std::string& program) {
  std::string words = fmt::format("exec={} seed={} log={}", program, options.machine.seed,
                                  options.verbose ? "info" : "quiet");
  if (options.limit != 0) words += fmt::format(" limit={}", options.limit);
  if (options.strace) words += " strace";
  if (gives_input(options)) words += fmt::format(" stdin={}", input_kind());
  if (!options.machine.append.empty()) words += " " + options.machine.append;
  return words;
}

/// The kernel fell or would not start the program: everything it said, and why.
ExitStatus show_failure(const GuestRun& run, const fs::path& elf, ExitStatus status) {
  std::string text;
  LineSplitter lines;
  bool report = false; // the program's own output has been shown
  lines.feed(run.serial + "\n", [&](const std::string& line) {
    const ProtocolLine parsed = parse_protocol_line(line);
    report |= std::holds_alternative<PanicLine>(parsed) || std::holds_alternative<HangLine>(parsed) ||
              run.boot_line.empty();
    if (report && !line.empty()) text += line + "\n";
  });
  fmt::print(stderr, "{}{}{}", Symbolizer(elf).annotate(text), run.postmortem, run.qemu_messages);
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
                         .sysroots = {options.sysroots.begin(), options.sysroots.end()}};
  const GuestFiles files = collect_guest_files(wanted);

  GuestOptions guest;
  const u32 cpus = options.machine.smp.empty() ? kDefaultCpus : options.machine.smp.front();
  guest.machine = options.machine.spec(arch, cpus, options.machine.boot.value_or(BootPath::kDirect));
  guest.elf =
      options.machine.kernel.empty() ? image_elf(arch, Image::kKernel) : fs::path(options.machine.kernel);
  guest.postmortem = build_folder() / "postmortem";
  guest.pass_input = gives_input(options);
  guest.silence_seconds = options.machine.silence();
  const auto volume = prepare_boot(guest.machine, {.elf = guest.elf,
                                                   .command_line = kernel_words(options, files.program),
                                                   .initrd = scenario::make_initrd(files.members)});
  ProgramOutput::Take log;
  if (options.verbose) log = [](std::string_view line) { fmt::print(stderr, "{}\n", line); };
  ProgramOutput output([](std::string_view bytes) { write_all(stdout, bytes); }, log);
  std::optional<ProgramEndLine> ended;
  std::vector<MissingLine> missing;
  guest.on_bytes = [&](std::string_view bytes) { output.feed(bytes); };
  guest.on_line = [&](const std::string& line) {
    const ProtocolLine parsed = parse_protocol_line(line);
    if (const auto* end = std::get_if<ProgramEndLine>(&parsed)) ended = *end;
    if (const auto* call = std::get_if<MissingLine>(&parsed)) missing.push_back(*call);
    if (const auto* killed = std::get_if<KilledLine>(&parsed))
      fmt::print(stderr, "runnel: killed {}\n", killed->text);
    if (const auto* call = std::get_if<StraceLine>(&parsed))
      fmt::print(stderr, "[pid {:>5}] {}\n", call->thread, call->text);
  };
  const GuestRun run = run_guest(guest);
  output.finish();
  if (!options.log.empty()) write_file(options.log, run.serial);
  if (run.end == RunEnd::kInterrupted) throw Failure(ExitStatus::kInterrupted, "interrupted");
  const ExitStatus status = status_of(run);
  if (status > ExitStatus::kFailed) return show_failure(run, guest.elf, status);
  show_missing(missing);
  if (!ended) throw Failure(ExitStatus::kInternal, "the kernel did not say how the program ended");
  return status_of_program(*ended, files.program);
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
