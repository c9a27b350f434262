// SPDX-License-Identifier: Apache-2.0
#include "qemu/exec/run.hpp"

#include "qemu/exec/output.hpp"
#include "qemu/lines.hpp"
#include "qemu/symbolize.hpp"
#include "qemu/volume.hpp"

#include <fmt/format.h>

namespace runnel::qemu {

ProgramRun run_program(const GuestFiles& files, const ProgramRunOptions& options) {
  GuestOptions guest;
  guest.machine = options.machine;
  guest.elf = options.elf;
  guest.postmortem = build_folder() / "postmortem";
  guest.pass_input = options.pass_input;
  guest.silence_seconds = options.silence_seconds;
  const auto volume = prepare_boot(
      guest.machine, {.elf = guest.elf,
                      .command_line = fmt::format("exec={} {}", files.program, options.kernel_words),
                      .initrd = scenario::make_initrd(files.members)});
  ProgramOutput output(options.output, options.log);
  ProgramRun result;
  guest.on_bytes = [&](std::string_view bytes) { output.feed(bytes); };
  guest.on_line = [&](const std::string& line) {
    const ProtocolLine parsed = parse_protocol_line(line);
    if (const auto* end = std::get_if<ProgramEndLine>(&parsed)) result.ended = *end;
    if (options.on_line) options.on_line(parsed);
  };
  result.guest = run_guest(guest);
  output.finish();
  if (result.guest.end == RunEnd::kInterrupted) throw Failure(ExitStatus::kInterrupted, "interrupted");
  return result;
}

std::string failure_text(const GuestRun& run, const fs::path& elf) {
  std::string text;
  LineSplitter lines;
  bool report = false; // the program's own output has been shown
  lines.feed(run.serial + "\n", [&](const std::string& line) {
    const ProtocolLine parsed = parse_protocol_line(line);
    report |= std::holds_alternative<PanicLine>(parsed) || std::holds_alternative<HangLine>(parsed) ||
              run.boot_line.empty();
    if (report && !line.empty()) text += line + "\n";
  });
  return Symbolizer(elf).annotate(text) + run.postmortem + run.qemu_messages;
}

} // namespace runnel::qemu
