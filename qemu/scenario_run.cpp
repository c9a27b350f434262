// SPDX-License-Identifier: Apache-2.0
#include "qemu/scenario_run.hpp"

#include "qemu/junit.hpp"
#include "qemu/lines.hpp"
#include "qemu/scenario/initrd.hpp"
#include "qemu/scenario/scenario.hpp"
#include "qemu/scenario_show.hpp"
#include "qemu/symbolize.hpp"
#include "qemu/terminal.hpp"
#include "qemu/volume.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace runnel::qemu {
namespace {

// Guest seconds a run may take beyond its scenario's duration, and without one.
constexpr u64 kGraceSeconds = 60;
constexpr u64 kUnlimitedSeconds = 3600;

scenario::Scenario load(const ScenarioOptions& options) {
  scenario::ReadOptions how;
  if (!options.machine.smp.empty()) how.machine_cpus = options.machine.smp.front();
  auto outcome = scenario::load_scenario(scenario_file(options.scenario), how);
  for (const scenario::Message& message : outcome.messages)
    fmt::print(stderr, "{}: {}\n", message.severity == scenario::Severity::kError ? "error" : "warning",
               scenario::to_string(message));
  if (!outcome.scenario) throw Failure(ExitStatus::kUsage, "the scenario is refused (see above)");
  if (options.duration > 0) outcome.scenario->duration_ns = static_cast<u64>(options.duration * 1e9);
  return std::move(*outcome.scenario);
}

/// How the kernel says that it can run a scenario, but the scheduler refuses what a task asks for.
constexpr std::string_view kWorkloadRefused = "workload: task ";

enum class Tracing : u8 { kOff, kOn };

std::string kernel_words(const ScenarioOptions& options, const scenario::Scenario& scenario,
                         Tracing tracing) {
  const u64 limit =
      scenario.duration_ns ? *scenario.duration_ns / 1'000'000'000 + kGraceSeconds : kUnlimitedSeconds;
  std::string words = fmt::format("run seed={} limit={}", options.machine.seed, std::min<u64>(limit, 86400));
  if (tracing == Tracing::kOn) words += " trace linger";
  if (!options.machine.append.empty()) words += " " + options.machine.append;
  return words;
}

class RunOne {
 public:
  RunOne(const ScenarioOptions& options, const scenario::Scenario& scenario, Arch arch,
         const TakeTrace& take_trace)
      : options_(options), scenario_(scenario), arch_(arch), take_trace_(take_trace) {}

  ExitStatus run(Shown& shown) {
    GuestOptions guest;
    const u32 cpus = options_.machine.smp.empty() ? scenario_.default_cpus() : options_.machine.smp.front();
    guest.machine = options_.machine.spec(arch_, cpus, options_.machine.boot.value_or(BootPath::kDirect));
    guest.elf = options_.machine.kernel.empty() ? image_elf(arch_, Image::kKernel)
                                                : fs::path(options_.machine.kernel);
    guest.postmortem = build_folder() / "postmortem";
    guest.silence_seconds = options_.machine.silence();
    guest.save_bulk = static_cast<bool>(take_trace_);
    BootInput input{guest.elf, kernel_words(options_, scenario_, take_trace_ ? Tracing::kOn : Tracing::kOff),
                    std::nullopt};
    input.initrd = options_.initrd.empty()
                       ? scenario::make_initrd({{"workload", scenario::compile(scenario_)}})
                       : initrd_bytes();
    const auto files = prepare_boot(guest.machine, input);
    guest.on_line = [this](const std::string& line) { take_line(line); };
    if (!options_.json) say(fmt::format("{}: {}", describe(guest.machine), scenario_.file));
    const GuestRun run = run_guest(guest);
    clear_status();
    if (!options_.log.empty()) write_file(options_.log_file(to_string(arch_)), run.serial);
    if (run.end == RunEnd::kInterrupted) throw Failure(ExitStatus::kInterrupted, "interrupted");
    ExitStatus status = status_of(run);
    if (run.end == RunEnd::kSaid && run.said == GuestEnd::kBadCommandLine &&
        run.reason.starts_with(kWorkloadRefused))
      throw_refused(scenario_, std::string_view(run.reason).substr(kWorkloadRefused.find(' ') + 1));
    if (!run.passed())
      show_failure(run, guest.elf);
    else if (!collector_.complete())
      status = show_incomplete(collector_, std::string(to_string(arch_)));
    else
      status =
          worse(status, show_report(options_, scenario_, collector_.report(), about(guest.machine), shown));
    if (take_trace_ && run.end == RunEnd::kSaid) status = worse(status, hand_over(run, guest.machine));
    return status;
  }

 private:
  std::string initrd_bytes() const {
    require_file(options_.initrd, "initrd");
    return read_file(options_.initrd);
  }

  nlohmann::ordered_json about(const MachineSpec& machine) const {
    return {{"on", to_string(arch_)},
            {"arch", to_string(arch_)},
            {"boot", to_string(machine.boot)},
            {"cpus", machine.cpus},
            {"deterministic", options_.machine.deterministic}};
  }

  void take_line(const std::string& line) {
    if (collector_.take(line)) return;
    if (options_.verbose) return say(line);
    const ProtocolLine parsed = parse_protocol_line(line);
    const auto* alive = std::get_if<AliveLine>(&parsed);
    if (alive == nullptr || !Terminal::get().is_tty() || options_.json) return;
    fmt::print("\r\x1b[K{}: {} s", to_string(arch_), alive->seconds);
    if (scenario_.duration_ns) fmt::print(" of {:g} s", static_cast<double>(*scenario_.duration_ns) / 1e9);
    std::fflush(stdout);
    status_open_ = true;
  }

  void clear_status() {
    if (status_open_) fmt::print("\r\x1b[K");
    status_open_ = false;
  }

  void say(const std::string& text) {
    clear_status();
    qemu::say(options_, text);
  }

  void show_failure(const GuestRun& run, const fs::path& elf) {
    const Symbolizer symbols(elf);
    std::string text;
    LineSplitter lines;
    lines.feed(run.serial + "\n", [&](const std::string& line) { text += line + "\n"; });
    fmt::print(stderr, "{}{}{}", symbols.annotate(text), run.postmortem, run.qemu_messages);
    fmt::print(stderr, "runnel: {}: {}\n", to_string(arch_),
               run.reason.empty() ? "the run failed" : run.reason);
    const MachineOptions& machine = options_.machine;
    std::string again = fmt::format("{} {} --arch {} --seed {}", options_.command, options_.scenario,
                                    to_string(arch_), machine.seed);
    if (machine.shape)
      again += " --topology " + to_string(*machine.shape);
    else if (!machine.smp.empty())
      again += fmt::format(" --smp {}", machine.smp.front());
    fmt::print(stderr, "again: ./runnel {}{}\n", again, machine.deterministic ? " --deterministic" : "");
  }

  ExitStatus hand_over(const GuestRun& run, const MachineSpec& machine) const {
    if (run.bulk.empty()) throw Failure(ExitStatus::kInternal, "the guest announced no scheduling events");
    const std::string name = fs::path(scenario_.file).filename().string();
    TraceLog log = read_rings(run.bulk);
    name_threads(log);
    return take_trace_(
        {std::string(to_string(arch_)), fmt::format("{}: {}", describe(machine), name), std::move(log)});
  }

  /// A full ring has overwritten the names, which were recorded first; the report still has those of the
  /// scenario.
  void name_threads(TraceLog& log) const {
    std::map<std::string, u32> instances;
    for (const report::ThreadRow& thread : collector_.report().threads) ++instances[thread.task];
    for (const report::ThreadRow& thread : collector_.report().threads)
      log.names.try_emplace(thread.pid, instances[thread.task] == 1
                                            ? thread.task
                                            : fmt::format("{}-{}", thread.task, thread.instance));
  }

  const ScenarioOptions& options_;
  const scenario::Scenario& scenario_;
  const Arch arch_;
  const TakeTrace& take_trace_;
  report::Collector collector_;
  bool status_open_ = false;
};

} // namespace

void ScenarioOptions::add_to(CLI::App& app) {
  app.add_option("SCENARIO", scenario,
                 "A file, or the name of one in qemu/scenarios (default: default.json there)");
  machine.add_to(app, MachineOptions::Arches::kAll, MachineOptions::Smp::kOne);
  app.add_option("--on", on,
                 "Grounds to run on, as sim,x86_64: the simulated machine, or an architecture under QEMU")
      ->check(CLI::IsMember({"sim", "x86_64", "aarch64"}))
      ->delimiter(',')
      ->excludes("--arch")
      ->type_name("GROUND");
  app.add_option("--duration", duration, "Seconds, instead of the scenario's own")
      ->check(CLI::Range(0.001, 3600.0))
      ->type_name("S");
  app.add_option("--log", log, "Writes the serial log")->type_name("FILE");
  app.add_option("--initrd", initrd, "Another initrd instead of the scenario's")->type_name("FILE");
  app.add_flag("-v,--verbose", verbose, "Shows the kernel's log");
}

fs::path scenario_file(const std::string& name) {
  const fs::path shipped = source_folder() / "qemu/scenarios";
  if (name.empty()) return shipped / "default.json";
  if (fs::exists(name) || name.find('/') != std::string::npos || name.ends_with(".json")) return name;
  if (fs::exists(shipped / (name + ".json"))) return shipped / (name + ".json");
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(shipped))
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
  std::ranges::sort(names);
  throw Failure(ExitStatus::kUsage,
                fmt::format("{} is no file, and not among the scenarios of qemu/scenarios: {}", name,
                            fmt::join(names, ", ")));
}

std::vector<std::string> ScenarioOptions::grounds() const {
  if (!on.empty()) return on;
  std::vector<std::string> names;
  for (const Arch arch : machine.arches) names.emplace_back(to_string(arch));
  return names;
}

fs::path ScenarioOptions::log_file(std::string_view ground) const {
  return per_ground(log, ground, grounds().size());
}

fs::path per_ground(const std::string& name, std::string_view ground, std::size_t grounds) {
  fs::path path = name;
  if (grounds < 2) return path;
  const std::string extension = path.extension().string();
  return path.replace_extension(std::string(ground) + extension);
}

void say(const ScenarioOptions& options, const std::string& text) {
  fmt::print(options.json ? stderr : stdout, "{}\n", text);
  std::fflush(stdout);
}

ExitStatus run_scenario(const ScenarioOptions& options, const TakeTrace& take_trace) {
  const scenario::Scenario scenario = load(options);
  Shown shown;
  const std::time_t started = std::time(nullptr);
  ExitStatus status = ExitStatus::kPassed;
  for (const std::string& ground : options.grounds())
    if (const auto arch = parse_arch(ground))
      status = worse(status, RunOne(options, scenario, *arch, take_trace).run(shown));
    else
      status = worse(status, run_simulated(options, scenario, take_trace, shown));
  if (!options.junit.empty()) write_file(options.junit, to_junit(shown.tests, started));
  if (options.json) fmt::print("{}\n", nlohmann::ordered_json{{"version", 1}, {"runs", shown.runs}}.dump(2));
  return status;
}

} // namespace runnel::qemu
