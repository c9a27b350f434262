// SPDX-License-Identifier: Apache-2.0
#include "qemu/programs/user_costs.hpp"

#include "qemu/exec/run.hpp"
#include "qemu/lines.hpp"
#include "qemu/process.hpp"
#include "qemu/programs/debian_packages.hpp"
#include "qemu/volume.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <sstream>

namespace runnel::qemu {
namespace {

constexpr double kLinuxLimit = 600; // seconds of this host's time
constexpr u32 kProgramMode = 0100755;

fs::path program_for(Arch arch) { return build_folder() / "user" / to_string(arch) / "bench"; }

MachineSpec machine_for(Arch arch) {
  MachineSpec spec;
  spec.arch = arch;
  spec.timing = Timing::kDeterministic;
  spec.cpus = 1;
  return spec;
}

std::vector<Cost> costs_in(const std::string& text) {
  std::vector<Cost> costs;
  LineSplitter lines;
  lines.feed(text + "\n", [&](const std::string& line) { take_cost(line, costs); });
  return costs;
}

/// A machine that nobody asks for anything and that ends when it is switched off.
std::vector<std::string> plain_command(MachineSpec spec) {
  spec.on_reset = OnReset::kReset;
  std::vector<std::string> words;
  for (const std::string& word : qemu_command(spec, -1)) {
    const bool monitor = word.find("qmp0") != std::string::npos;
    if (monitor)
      words.pop_back(); // the option it belongs to
    else
      words.push_back(word);
  }
  words.emplace_back("-no-reboot");
  return words;
}

} // namespace

void take_cost(std::string_view line, std::vector<Cost>& costs) {
  constexpr std::string_view kMark = "# bench ", kEnd = "end";
  const auto at = line.find(kMark);
  if (at == std::string_view::npos) return;
  std::istringstream words(std::string(line.substr(at + kMark.size())));
  Cost cost;
  if (words >> cost.name >> cost.value >> cost.unit && cost.name != kEnd) costs.push_back(cost);
}

std::vector<Cost> user_costs(Arch arch) {
  GuestFilesInput wanted;
  wanted.arch = arch;
  wanted.program = program_for(arch);
  std::string output;
  ProgramRunOptions how;
  how.machine = machine_for(arch);
  how.elf = image_elf(arch, Image::kKernel);
  how.kernel_words = "log=quiet";
  how.silence_seconds = default_silence(Timing::kDeterministic, BootPath::kDirect);
  how.output = [&](std::string_view bytes) { output += bytes; };
  const ProgramRun run = run_program(collect_guest_files(wanted), how);
  if (!run.guest.passed()) {
    fmt::print(stderr, "{}{}", output, failure_text(run.guest, how.elf));
    const ExitStatus status = status_of(run.guest);
    throw Failure(status, fmt::format("{}: costs: {}", to_string(arch),
                                      run.guest.reason.empty() ? "failed" : run.guest.reason));
  }
  return costs_in(output);
}

std::vector<Cost> user_costs_on_linux(Arch arch) {
  MachineSpec spec = machine_for(arch);
  spec.kernel = debian_kernel(arch);
  spec.command_line = fmt::format("console={} quiet panic=-1", arch == Arch::kX86_64 ? "ttyS0" : "ttyAMA0");
  const TempFolder folder;
  spec.initrd = folder.path() / "initrd.cpio";
  write_file(spec.initrd, scenario::make_initrd({{"init", read_file(program_for(arch)), kProgramMode}}));
  const Finished finished = run_to_end({.argv = plain_command(spec)}, kLinuxLimit);
  std::vector<Cost> costs = costs_in(finished.out);
  if (finished.timed_out || costs.empty())
    throw Failure(ExitStatus::kInternal,
                  fmt::format("{}: costs did not run on Linux: {}\n{}", to_string(arch),
                              finished.timed_out ? "too slow" : describe_status(finished.wait_status),
                              finished.out));
  return costs;
}

} // namespace runnel::qemu
