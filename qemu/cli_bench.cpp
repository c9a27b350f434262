// SPDX-License-Identifier: Apache-2.0
// runnel bench: what things cost. Instruction counts come from deterministic guests and are the same in every
// run; boot times are medians of wall time; sizes are those of the images.
#include "qemu/bench_rseq.hpp"
#include "qemu/cli.hpp"
#include "qemu/elf_image.hpp"
#include "qemu/files.hpp"
#include "qemu/guest.hpp"
#include "qemu/select.hpp"
#include "qemu/statistics.hpp"
#include "qemu/symbolize.hpp"
#include "qemu/target_tests.hpp"
#include "qemu/volume.hpp"

#include <cstdio>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

namespace runnel::qemu {
namespace {

constexpr std::string_view kMark = "# bench ";

struct Options {
  std::string subject;
  std::string arch = "all";
  std::string boot_test = "selftest.condition_evaluated_once";
  u32 repeat = 15, uefi_repeat = 3;
  bool json = false;
};

struct Figure {
  std::string name, unit;
  double value = 0;
};

class Bench {
 public:
  Bench(const Options& options, Arch arch)
      : options_(options), arch_(arch), image_(TestImage::load(image_elf(arch, Image::kTests))) {}

  std::vector<Figure> run() {
    instructions();
    boot_times();
    sizes();
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
         [this](const std::string& line) {
           const auto at = line.find(kMark);
           if (at == std::string::npos) return;
           std::istringstream words(line.substr(at + kMark.size()));
           Figure figure;
           if (words >> figure.name >> figure.value >> figure.unit) figures_.push_back(figure);
         });
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

ExitStatus bench(const Options& options) {
  if (options.subject == "rseq") {
    std::vector<Arch> wanted;
    for (const Arch arch : kArches)
      if (options.arch == "all" || to_string(arch) == options.arch) wanted.push_back(arch);
    return bench_rseq(wanted);
  }
  nlohmann::ordered_json all = nlohmann::ordered_json::object();
  std::vector<std::string> names;
  std::map<std::string, std::map<std::string, Figure>> table; // name -> architecture -> figure
  std::vector<std::string> arches;
  for (const Arch arch : kArches) {
    if (options.arch != "all" && to_string(arch) != options.arch) continue;
    arches.emplace_back(to_string(arch));
    fmt::print(stderr, "measuring {} ...\n", to_string(arch));
    for (const Figure& figure : Bench(options, arch).run()) {
      if (!table.contains(figure.name)) names.push_back(figure.name);
      table[figure.name][arches.back()] = figure;
      all[arches.back()].push_back({{"name", figure.name}, {"value", figure.value}, {"unit", figure.unit}});
    }
  }
  const std::string build = build_folder().filename().string();
  if (options.json) {
    fmt::print("{}\n", nlohmann::ordered_json{{"version", 1}, {"build", build}, {"figures", all}}.dump(2));
    return ExitStatus::kPassed;
  }
  fmt::print("{:<34}", fmt::format("figure ({} build)", build));
  for (const std::string& arch : arches) fmt::print(" {:>14}", arch);
  fmt::print("  unit\n");
  for (const std::string& name : names) {
    fmt::print("{:<34}", name);
    std::string unit;
    for (const std::string& arch : arches) {
      const auto figure = table[name].find(arch);
      if (figure == table[name].end())
        fmt::print(" {:>14}", "-");
      else
        fmt::print(" {:>14}", fmt::format("{:.0f}", figure->second.value)), unit = figure->second.unit;
    }
    fmt::print("  {}\n", unit);
  }
  return ExitStatus::kPassed;
}

} // namespace

void add_bench_command(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* sub =
      app.add_subcommand("bench", "Measures: instructions per operation, boot times, image sizes");
  sub->add_option("subject", options->subject,
                  "rseq: counters of restartable sequences; else everything else")
      ->check(CLI::IsMember({"rseq"}))
      ->type_name("SUBJECT");
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
