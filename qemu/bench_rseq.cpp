// SPDX-License-Identifier: Apache-2.0
#include "qemu/bench_rseq.hpp"

#include "qemu/cli.hpp"
#include "qemu/files.hpp"
#include "qemu/guest.hpp"
#include "qemu/symbolize.hpp"
#include "qemu/target_tests.hpp"
#include "qemu/volume.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <sstream>

namespace runnel::qemu {
namespace {

constexpr std::string_view kCounters = "# rseq ", kCosts = "# bench ";
constexpr const char* kWays[] = {"classic", "legacy", "optimised"};

/// Of one workload: way -> counter -> number.
using Counters = std::map<std::string, std::map<std::string, double>>;

struct Figures {
  std::vector<std::string> workloads, counters; // in the order they came
  std::map<std::string, Counters> by_workload;
  std::vector<std::string> costs;
};

void remember(std::vector<std::string>& names, const std::string& name) {
  if (std::ranges::find(names, name) == names.end()) names.push_back(name);
}

void take(Figures& figures, const std::string& line, bool classic) {
  if (const auto at = line.find(kCounters); at != std::string::npos) {
    std::istringstream words(line.substr(at + kCounters.size()));
    std::string workload, way, counter;
    double number = 0;
    words >> workload >> way;
    remember(figures.workloads, workload);
    while (words >> counter >> number) {
      remember(figures.counters, counter);
      figures.by_workload[workload][way][counter] = number;
    }
  } else if (const auto cost = line.find(kCosts); cost != std::string::npos) {
    figures.costs.push_back((classic ? "classic, " : "") + line.substr(cost + kCosts.size()));
  }
}

void boot(Figures& figures, Arch arch, bool classic) {
  GuestOptions guest;
  guest.machine.arch = arch;
  guest.machine.boot = BootPath::kDirect;
  guest.machine.timing = Timing::kDeterministic;
  guest.elf = image_elf(arch, Image::kTests);
  guest.silence_seconds = 10 * kDefaultSilenceSeconds;
  guest.on_line = [&](const std::string& line) { take(figures, line, classic); };
  const fs::path initrd = user_initrd(arch);
  require_file(initrd, "initrd of the user programs");
  const std::string command_line =
      fmt::format("test=bench_rseq.* log=quiet{}", classic ? " rseq=classic" : "");
  const auto files = prepare_boot(
      guest.machine, {.elf = guest.elf, .command_line = command_line, .initrd = read_file(initrd)});
  const GuestRun run = run_guest(guest);
  if (run.end == RunEnd::kInterrupted) throw Failure(ExitStatus::kInterrupted, "interrupted");
  if (run.passed()) return;
  fmt::print(stderr, "{}{}", Symbolizer(guest.elf).annotate(run.serial), run.postmortem);
  throw Failure(status_of(run), fmt::format("{}: {}: {}", describe(guest.machine), command_line,
                                            run.reason.empty() ? "failed" : run.reason));
}

void print_table(const Figures& figures, const std::string& workload) {
  const Counters& ways = figures.by_workload.at(workload);
  fmt::print("{:<12}", workload);
  for (const char* way : kWays) fmt::print(" {:>12} {:>8}", way, "of exit");
  fmt::print("\n");
  for (const std::string& counter : figures.counters) {
    fmt::print("{:<12}", counter);
    for (const char* way : kWays) {
      const auto found = ways.find(way);
      if (found == ways.end()) continue;
      const double number = found->second.at(counter), exits = found->second.at("exit");
      fmt::print(" {:>12.0f} {:>7.2f}%", number, exits == 0 ? 0 : 100 * number / exits);
    }
    fmt::print("\n");
  }
}

} // namespace

ExitStatus bench_rseq(const std::vector<Arch>& arches) {
  for (const Arch arch : arches) {
    fmt::print(stderr, "measuring {} ...\n", to_string(arch));
    Figures figures;
    boot(figures, arch, true);
    boot(figures, arch, false);
    fmt::print("{}: the counters' laws hold\n\n", to_string(arch)); // or the guest's test had failed
    for (const std::string& workload : figures.workloads) {
      print_table(figures, workload);
      fmt::print("\n");
    }
    for (const std::string& cost : figures.costs) fmt::print("{}\n", cost);
    fmt::print("\n");
  }
  return ExitStatus::kPassed;
}

} // namespace runnel::qemu
