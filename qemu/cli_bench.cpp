// SPDX-License-Identifier: Apache-2.0
// runnel bench: what things cost. Instruction counts come from deterministic guests and are the same in every
// run; boot times are medians of wall time; sizes are those of the images.
#include "qemu/bench_rseq.hpp"
#include "qemu/cli.hpp"
#include "qemu/elf_image.hpp"
#include "qemu/files.hpp"
#include "qemu/guest.hpp"
#include "qemu/programs/user_costs.hpp"
#include "qemu/statistics.hpp"
#include "qemu/symbolize.hpp"
#include "qemu/target_tests.hpp"
#include "qemu/volume.hpp"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

namespace runnel::qemu {
namespace {

struct Options {
  std::string subject = "all";
  std::string arch = "all";
  std::string boot_test = "selftest.condition_evaluated_once";
  u32 repeat = 15, uefi_repeat = 3;
  bool json = false, against_linux = false;
};

using Figure = Cost;

class Bench {
 public:
  Bench(const Options& options, Arch arch)
      : options_(options), arch_(arch), image_(TestImage::load(image_elf(arch, Image::kTests))) {}

  std::vector<Figure> run() {
    if (options_.subject != "user") instructions();
    if (options_.subject != "kernel") std::ranges::move(user_costs(arch_), std::back_inserter(figures_));
    if (options_.subject != "user") {
      boot_times();
      sizes();
    }
    return std::move(figures_);
  }

 private:
  GuestRun boot(BootPath path, Timing timing, const std::string& command_line,
                std::function<void(const std::string&)> on_line = {}) {
    GuestOptions guest;
    guest.machine.arch = arch_;
    guest.machine.boot = path;
    guest.machine.timing = timing;
    guest.elf = image_->elf;
    guest.silence_seconds = 4 * kDefaultSilenceSeconds;
    guest.on_line = std::move(on_line);
    const auto files =
        prepare_boot(guest.machine, {.elf = guest.elf, .command_line = command_line, .initrd = {}});
    GuestRun run = run_guest(guest);
    if (run.end == RunEnd::kInterrupted) throw Failure(ExitStatus::kInterrupted, "interrupted");
    if (!run.passed()) {
      fmt::print(stderr, "{}{}", Symbolizer(guest.elf).annotate(run.serial), run.postmortem);
      throw Failure(status_of(run), fmt::format("{}: {}: {}", describe(guest.machine), command_line,
                                                run.reason.empty() ? "failed" : run.reason));
    }
    return run;
  }

  void instructions() {
    boot(BootPath::kDirect, Timing::kDeterministic, "test=bench.* log=quiet",
         [this](const std::string& line) { take_cost(line, figures_); });
  }

  void boot_times() {
    const auto measure = [&](BootPath path, u32 times, const char* name) {
      std::vector<double> ms;
      for (u32 i = 0; i < times; ++i)
        ms.push_back(boot(path, Timing::kRealTime, "log=quiet test=" + options_.boot_test).seconds * 1000);
      figures_.push_back({name, "ms", median(ms)});
    };
    measure(BootPath::kDirect, options_.repeat, "boot_direct_one_test_4_cpus");
    measure(BootPath::kUefi, options_.uefi_repeat, "boot_uefi_one_test_4_cpus");
  }

  void sizes() {
    const ElfImage kernel(image_elf(arch_, Image::kKernel));
    figures_.push_back({"kernel_image", "bytes", static_cast<double>(kernel.loaded_file_bytes())});
    figures_.push_back({"kernel_in_memory", "bytes", static_cast<double>(kernel.loaded_memory_bytes())});
    figures_.push_back({"uefi_loader", "bytes", static_cast<double>(fs::file_size(loader_file(arch_)))});
  }

  const Options& options_;
  const Arch arch_;
  std::shared_ptr<const TestImage> image_;
  std::vector<Figure> figures_;
};

/// Figures by name and column, in the order they came.
class Table {
 public:
  void add(const std::string& column, const std::vector<Figure>& figures) {
    columns_.push_back(column);
    for (const Figure& figure : figures) {
      if (!rows_.contains(figure.name)) names_.push_back(figure.name);
      rows_[figure.name][column] = figure;
    }
  }
  /// Where both columns have a value: the first over the second.
  void add_ratio(const std::string& column, const std::string& over, const std::string& under) {
    std::vector<Figure> ratios;
    for (const std::string& name : names_)
      if (rows_[name].contains(over) && rows_[name].contains(under) && rows_[name][under].value != 0)
        ratios.push_back({name, "", rows_[name][over].value / rows_[name][under].value});
    add(column, ratios);
    ratios_.insert(column);
  }

  void print(const std::string& title) const {
    fmt::print("{:<34}", title);
    for (const std::string& column : columns_) fmt::print(" {:>14}", column);
    fmt::print("  unit\n");
    for (const std::string& name : names_) {
      fmt::print("{:<34}", name);
      std::string unit;
      for (const std::string& column : columns_) {
        const auto figure = rows_.at(name).find(column);
        const bool there = figure != rows_.at(name).end();
        const bool ratio = ratios_.contains(column);
        fmt::print(" {:>14}", !there  ? "-"
                              : ratio ? fmt::format("{:.2f}", figure->second.value)
                                      : fmt::format("{:.0f}", figure->second.value));
        if (there && !ratio) unit = figure->second.unit;
      }
      fmt::print("  {}\n", unit);
    }
  }
  nlohmann::ordered_json json() const {
    nlohmann::ordered_json all = nlohmann::ordered_json::object();
    for (const std::string& column : columns_)
      for (const std::string& name : names_)
        if (const auto figure = rows_.at(name).find(column); figure != rows_.at(name).end())
          all[column].push_back(
              {{"name", name}, {"value", figure->second.value}, {"unit", figure->second.unit}});
    return all;
  }

 private:
  std::vector<std::string> columns_, names_;
  std::set<std::string> ratios_;
  std::map<std::string, std::map<std::string, Figure>> rows_; // name -> column -> figure
};

ExitStatus bench(const Options& options) {
  if (options.against_linux && options.subject != "user" && options.subject != "all")
    throw Failure(ExitStatus::kUsage,
                  "--against-linux compares figures of user mode: bench user --against-linux");
  if (options.subject == "rseq") {
    if (options.json)
      throw Failure(ExitStatus::kUsage, "bench rseq prints tables, not JSON: leave --json out");
    std::vector<Arch> wanted;
    for (const Arch arch : kArches)
      if (options.arch == "all" || to_string(arch) == options.arch) wanted.push_back(arch);
    return bench_rseq(wanted);
  }
  Table table;
  for (const Arch arch : kArches) {
    const std::string name(to_string(arch));
    if (options.arch != "all" && name != options.arch) continue;
    fmt::print(stderr, "measuring {} ...\n", name);
    table.add(name, Bench(options, arch).run());
    if (!options.against_linux) continue;
    fmt::print(stderr, "measuring {} on Linux ...\n", name);
    table.add(name + " Linux", user_costs_on_linux(arch));
    table.add_ratio(name + " ratio", name, name + " Linux");
  }
  const std::string build = build_folder().filename().string();
  if (options.json)
    fmt::print("{}\n",
               nlohmann::ordered_json{{"version", 1}, {"build", build}, {"figures", table.json()}}.dump(2));
  else
    table.print(fmt::format("figure ({} build)", build));
  return ExitStatus::kPassed;
}

} // namespace

void add_bench_command(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* sub =
      app.add_subcommand("bench", "Measures: instructions per operation, boot times, image sizes");
  sub->add_option("subject", options->subject,
                  "kernel, user (what programs pay), rseq (counters of restartable sequences), or all but "
                  "rseq (default)")
      ->check(CLI::IsMember({"kernel", "user", "rseq", "all"}))
      ->type_name("SUBJECT");
  sub->add_flag("--against-linux", options->against_linux,
                "Runs the figures of user mode on Debian's Linux too, fetched for it, and prints ratios");
  sub->add_option("--arch", options->arch, "Architecture (default all)")
      ->check(CLI::IsMember({"x86_64", "aarch64", "all"}))
      ->type_name("ARCH");
  sub->add_option("--repeat", options->repeat, "Direct boots measured (default 15)")
      ->check(CLI::Range(1u, 1000u));
  sub->add_option("--uefi-repeat", options->uefi_repeat, "UEFI boots measured (default 3)")
      ->check(CLI::Range(1u, 100u));
  sub->add_option("--boot-test", options->boot_test, "The test that is run to measure a boot")
      ->type_name("TEST");
  sub->add_flag("--json", options->json, "As JSON");
  sub->callback([options, &action] { action = [options] { return bench(*options); }; });
}

} // namespace runnel::qemu
