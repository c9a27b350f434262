// SPDX-License-Identifier: Apache-2.0
// runnel test: on-target tests over the matrix of machines, and the host's tests, in one command.
#include "qemu/cli.hpp"
#include "qemu/cli_machine.hpp"
#include "qemu/files.hpp"
#include "qemu/host_tests.hpp"
#include "qemu/jobs.hpp"
#include "qemu/junit.hpp"
#include "qemu/programs/program_tests.hpp"
#include "qemu/progress.hpp"
#include "qemu/test_plan.hpp"

#include <chrono>
#include <fmt/format.h>
#include <memory>
#include <thread>

namespace runnel::qemu {
namespace {

struct Options {
  MachineOptions machine;
  std::vector<std::string> globs;
  std::string junit, json, log;
  unsigned jobs = std::max(1u, std::thread::hardware_concurrency());
  bool host_only = false, target_only = false, parallel = false;
};

class Command {
 public:
  explicit Command(const Options& options) : options_(options) {}

  ExitStatus run() {
    const std::time_t started = std::time(nullptr);
    if (!options_.host_only) {
      plan_target();
      plan_user_programs();
    }
    if (!options_.target_only) plan_host();
    if (jobs_.empty() && skipped_.empty())
      throw Failure(ExitStatus::kUsage,
                    fmt::format("GLOB: no test matches '{}'; `runnel list` shows those of the target",
                                fmt::join(options_.globs, " ")));
    progress_ = std::make_unique<Progress>(jobs_.size());
    for (TestResult& result : skipped_) done(std::move(result));
    ExitStatus status = ExitStatus::kPassed;
    try {
      run_jobs(jobs_, options_.jobs);
    } catch (const Failure& failure) {
      // What has been found out until now is still told.
      status = failure.status();
      progress_->note(fmt::format("stopped: {}", failure.what()));
    }
    progress_.reset();
    return finish(status, started);
  }

 private:
  void plan_target() {
    std::vector<std::shared_ptr<const TestImage>> images;
    std::vector<Arch> arches = options_.machine.arches;
    if (!options_.machine.kernel.empty()) arches = {ElfImage(options_.machine.kernel).arch()};
    for (const Arch arch : arches)
      images.push_back(TestImage::load(options_.machine.kernel.empty() ? image_elf(arch, Image::kTests)
                                                                       : fs::path(options_.machine.kernel)));
    PlanOptions how;
    how.globs = options_.globs;
    how.smp = options_.machine.smp;
    how.boot = options_.machine.boot;
    if (options_.parallel) how.lanes = Lanes::kParallel;
    if (options_.machine.deterministic) how.lanes = Lanes::kDeterministic;
    how.base = options_.machine.spec(Arch::kX86_64, 1, BootPath::kDirect);
    how.silence_seconds = options_.machine.silence_seconds;
    how.append = options_.machine.append;
    TestPlan plan = plan_tests(images, arches, how);
    skipped_ = std::move(plan.skipped);
    for (TargetJob& job : plan.jobs) {
      const std::string group = group_name(job); // before the job is moved from
      add_job(group, [this, job = std::move(job)](const Report& report) {
        run_target_job(job, report, [&](const std::string& serial) { keep_log(group_name(job), serial); });
      });
    }
  }

  /// On machines as on-target tests have them by default; other images have no say in them.
  void plan_user_programs() {
    const MachineOptions& machine = options_.machine;
    if (!machine.kernel.empty() || machine.boot.value_or(BootPath::kDirect) != BootPath::kDirect) return;
    const std::vector<u32> sizes = machine.smp.empty() ? std::vector<u32>{0} : machine.smp;
    for (const Arch arch : machine.arches)
      for (const u32 cpus : sizes)
        for (const Timing timing : {Timing::kDeterministic, Timing::kRealTime}) {
          const bool exact = timing == Timing::kDeterministic;
          if (exact ? options_.parallel : machine.deterministic) continue;
          MachineSpec spec = machine.spec(arch, cpus, BootPath::kDirect);
          spec.timing = timing;
          const double silence = machine.silence_seconds.value_or(default_silence(timing, BootPath::kDirect));
          for (ProgramJob& job : plan_programs(spec, silence, options_.globs))
            add_job(group_name(job) + " " + job.suite,
                    [job = std::move(job)](const Report& report) { run_program_job(job, report); });
        }
  }

  void plan_host() {
    const fs::path tests = build_folder() / "tests";
    for (const char* program : {"e2e-tests", "host-tests", "model-tests"})
      if (!fs::exists(tests / program))
        throw Failure(ExitStatus::kMissing, fmt::format("{} is not built", (tests / program).string()));
    // What takes longest first, so that no CPU is left with it at the end.
    for (const fs::path& program : catch_programs()) {
      const std::string group = catch_group(program);
      if (group == "e2e") continue;
      if (auto names = list_catch(program, options_.globs); !names.empty())
        add_job(group,
                [program, group, names](const Report& report) { run_catch(program, group, names, report); });
    }
    for (const fs::path& program : fuzzers())
      if (const std::string name = program.filename().string(); selects_name(options_.globs, name.substr(5)))
        add_job(name, [program](const Report& report) { run_fuzzer(program, report); });
    for (const fs::path& script : lints())
      if (selects_name(options_.globs, script.stem().string()))
        add_job("lint " + script.stem().string(),
                [script](const Report& report) { run_lint(script, report); });
    // End-to-end tests wait for guests most of the time: each is a job.
    for (const std::string& name : list_catch(tests / "e2e-tests", options_.globs))
      add_job("e2e: " + name, [program = tests / "e2e-tests", name](const Report& report) {
        run_catch(program, "e2e", {name}, report);
      });
  }

  void add_job(std::string what, std::function<void(const Report&)> work) {
    jobs_.emplace_back([this, what = std::move(what), work = std::move(work)] {
      const auto start = std::chrono::steady_clock::now();
      Counts counts;
      work([&](TestResult result) {
        ++(result.verdict == Verdict::kPassed   ? counts.passed
           : result.verdict == Verdict::kFailed ? counts.failed
                                                : counts.skipped);
        done(std::move(result));
      });
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
      progress_->job_done(what, counts, took.count());
    });
  }

  void done(TestResult result) {
    progress_->test_done(result);
    results_.add(std::move(result));
  }

  void keep_log(const std::string& group, const std::string& serial) {
    if (options_.log.empty()) return;
    const std::lock_guard guard(log_lock_);
    logs_[group] += serial;
  }

  ExitStatus finish(ExitStatus status, std::time_t started) {
    const Counts counts = results_.counts();
    status = worse(status, results_.status());
    const std::vector<TestResult> results = results_.take();
    if (!options_.junit.empty()) write_file(options_.junit, to_junit(results, started));
    if (!options_.json.empty()) write_file(options_.json, to_json(results, counts, status));
    if (!options_.log.empty()) {
      std::string all;
      for (const auto& [group, serial] : logs_) all += serial;
      write_file(options_.log, all);
    }
    if (counts.failed != 0) {
      fmt::print("\nfailed:\n");
      for (const TestResult& r : results)
        if (r.verdict == Verdict::kFailed) fmt::print("  {}: {}: {}\n", r.group, r.full_name(), r.reason);
    }
    fmt::print("{}\n", total_line(counts));
    return status;
  }

  const Options& options_;
  std::vector<std::function<void()>> jobs_;
  std::vector<TestResult> skipped_;
  Results results_;
  std::unique_ptr<Progress> progress_;
  std::mutex log_lock_;
  std::map<std::string, std::string> logs_; // by group, so that the file does not depend on who was first
};

} // namespace

void add_test_command(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* sub = app.add_subcommand("test", "Runs the tests: on the target, on the host, end to end");
  sub->add_option("GLOB", options->globs,
                  "On-target tests by suite.case or suite; host tests by name, or [tag] for Catch2's tags")
      ->transform(CLI::Validator(
          [](std::string& word) {
            if (word.starts_with(" [")) word.erase(0, 1); // run_cli's, so that the brackets stay
            return std::string();
          },
          ""));
  options->machine.add_to(*sub, MachineOptions::Arches::kAll, MachineOptions::Smp::kList);
  sub->add_option("--junit", options->junit, "Writes JUnit XML")->type_name("FILE");
  sub->add_option("--json", options->json, "Writes the results as JSON")->type_name("FILE");
  sub->add_option("--log", options->log, "Writes the serial logs")->type_name("FILE");
  sub->add_option("--jobs,-j", options->jobs,
                  "Guests and programs at once (default: the number of processors)")
      ->check(CLI::Range(1u, 1024u))
      ->type_name("N");
  sub->add_flag("--parallel", options->parallel,
                "Only on CPUs that really run at once (default: deterministic machines, and 4 CPUs at once)")
      ->excludes("--deterministic");
  auto* host =
      sub->add_flag("--host-only", options->host_only, "Only what runs on the host (end to end included)");
  sub->add_flag("--target-only", options->target_only, "Only on-target tests")->excludes(host);
  sub->callback([options, &action] { action = [options] { return Command(*options).run(); }; });
}

} // namespace runnel::qemu
