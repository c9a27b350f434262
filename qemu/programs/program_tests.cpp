// SPDX-License-Identifier: Apache-2.0
#include "qemu/programs/program_tests.hpp"

#include "qemu/catch_xml.hpp"
#include "qemu/cxx_tests.hpp"
#include "qemu/exec/run.hpp"
#include "qemu/lines.hpp"
#include "qemu/programs/debian_packages.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fnmatch.h>
#include <utility>

namespace runnel::qemu {
namespace {

constexpr std::string_view kScriptTest = "t "; // how a line of a script declares a test
constexpr const char* kCatchSuite = "catch2";
constexpr const char* kCatchSource = "tests/user/catch2/programs.cpp";
constexpr const char* kCatchProgram = "catch2_programs";
constexpr u32 kGuestLimit = 300; // seconds of the machine's time

constexpr u32 kCpus = 4; // unless somebody asks for others

/// A script of tests/debian, the packages it needs and the programs in them that it starts.
struct Script {
  const char* suite;
  std::vector<std::string> packages;
  std::vector<std::string> programs; // besides busybox, whose shell runs it
  u32 only_cpus = 0;                 // what it expects is right with so many only; 0: with any number
};

const std::vector<Script>& scripts() {
  static const std::vector<Script> all = {
      {"busybox", {"busybox-static"}, {}},
      {"rt-tests",
       {"busybox-static", "libc6", "libnuma1", "rt-tests"},
       {"cyclictest", "hackbench", "pi_stress", "pip_stress", "ptsematest", "rt-migrate-test", "signaltest",
        "sigwaittest"}},
      {"rt-app", {"busybox-static", "libc6", "libgcc-s1", "libjson-c5", "rt-app"}, {"rt-app"}, 1},
  };
  return all;
}

fs::path source_of(const Script& script) {
  return source_folder() / "tests/debian" / (std::string(script.suite) + ".sh");
}

std::vector<std::string> names_in(const Script& script) {
  std::vector<std::string> names;
  LineSplitter lines;
  lines.feed(read_file(source_of(script)) + "\n", [&](const std::string& line) {
    if (line.starts_with(kScriptTest))
      names.push_back(
          line.substr(kScriptTest.size(), line.find(' ', kScriptTest.size()) - kScriptTest.size()));
  });
  return names;
}

std::vector<std::string> names_in_catch_program() {
  std::vector<std::string> names;
  for (const CxxTest& test : find_tests(read_file(source_folder() / kCatchSource)).tests)
    if (test.macro == "TEST_CASE") names.push_back(test.arguments.front());
  return names;
}

bool selected(std::span<const std::string> globs, const std::string& suite, const std::string& name) {
  return globs.empty() || std::ranges::any_of(globs, [&](const std::string& glob) {
           const bool whole = glob.find('.') == std::string::npos;
           return ::fnmatch(glob.c_str(), (whole ? suite : suite + "." + name).c_str(), FNM_CASEFOLD) == 0;
         });
}

class Runner {
 public:
  Runner(const ProgramJob& job, const Report& report) : job_(job), report_(report), left_(job.names) {}

  void run() {
    const auto script =
        std::ranges::find(scripts(), job_.suite, [](const Script& s) { return std::string(s.suite); });
    if (script == scripts().end())
      run_catch_program();
    else
      run_script(*script);
  }

 private:
  void run_script(const Script& script) {
    fs::path root;
    try {
      root = debian_files(job_.machine.arch, script.packages);
    } catch (const Failure& failure) {
      if (failure.status() != ExitStatus::kMissing) throw;
      while (!left_.empty()) settle(std::string(left_.front()), Verdict::kSkipped, failure.what(), {});
      return;
    }
    GuestFilesInput wanted{
        .arch = job_.machine.arch,
        .program = root / "bin/busybox",
        .arguments = {"sh", "/" + source_of(script).filename().string()},
        .environment = {"PATH=/bin"},
        .files = {fmt::format("{}:/{}", source_of(script).string(), source_of(script).filename().string())},
        .programs = {},
        .sysroots = {root}};
    for (const std::string& program : script.programs)
      wanted.programs.push_back((root / "usr/bin" / program).string());
    std::string log; // stands before the point it explains
    LineSplitter lines;
    const auto take = [&](const std::string& line) {
      const bool passed = line.starts_with("ok ");
      if (!passed && !line.starts_with("not ok ")) {
        log += line + "\n";
        return;
      }
      settle(line.substr(line.rfind(' ') + 1), passed ? Verdict::kPassed : Verdict::kFailed,
             "another output than expected", std::exchange(log, {}));
    };
    const ProgramRun run = start(wanted, [&](std::string_view bytes) { lines.feed(bytes, take); });
    settle_rest(run, log);
  }

  void run_catch_program() {
    const fs::path program = build_folder() / "user" / to_string(job_.machine.arch) / kCatchProgram;
    if (!fs::exists(program))
      throw Failure(ExitStatus::kMissing, fmt::format("{} is not built", program.string()));
    std::string xml;
    const ProgramRun run = start({.arch = job_.machine.arch,
                                  .program = program,
                                  .arguments = {"-r", "xml", "-d", "yes"},
                                  .environment = {},
                                  .files = {},
                                  .programs = {},
                                  .sysroots = {}},
                                 [&](std::string_view bytes) { xml += bytes; });
    std::string unfinished;
    for (const CatchResult& c : parse_catch_xml(xml)) {
      if (c.ended)
        settle(c.name, c.passed ? Verdict::kPassed : Verdict::kFailed, "an expectation does not hold", c.log,
               c.seconds);
      else
        unfinished = c.log;
    }
    settle_rest(run, unfinished);
  }

  ProgramRun start(const GuestFilesInput& wanted, std::function<void(std::string_view)> output) const {
    ProgramRunOptions how;
    how.machine = job_.machine;
    how.elf = image_elf(job_.machine.arch, Image::kKernel);
    how.kernel_words = fmt::format("seed={} log=quiet limit={}", job_.machine.seed, kGuestLimit);
    how.silence_seconds = job_.silence_seconds;
    how.output = std::move(output);
    return run_program(collect_guest_files(wanted), how);
  }

  void settle(const std::string& name, Verdict verdict, const std::string& reason, std::string log,
              double seconds = 0) {
    if (std::erase(left_, name) == 0) return; // not selected
    TestResult r;
    r.group = group_name(job_);
    r.suite = job_.suite;
    r.name = name;
    r.verdict = verdict;
    r.seconds = seconds;
    if (verdict != Verdict::kPassed) {
      r.reason = reason;
      r.log = std::move(log);
    }
    if (verdict == Verdict::kFailed) r.kind = ExitStatus::kFailed;
    r.again =
        fmt::format("./runnel test '{}.{}' --target-only {}", job_.suite, name, test_options(job_.machine));
    report_(std::move(r));
  }

  /// The first test without a result is the one it ended in.
  void settle_rest(const ProgramRun& run, const std::string& log) {
    std::string reason = run.guest.reason;
    if (run.ended)
      reason = fmt::format("the program {} {} before this test had a result",
                           run.ended->how == ProgramEndLine::How::kExited ? "exited with status"
                                                                          : "was killed by signal",
                           run.ended->number);
    std::string text = log + failure_text(run.guest, image_elf(job_.machine.arch, Image::kKernel));
    while (!left_.empty())
      settle(std::string(left_.front()), Verdict::kFailed, reason, std::exchange(text, {}));
  }

  const ProgramJob& job_;
  const Report& report_;
  std::vector<std::string> left_;
};

} // namespace

std::vector<ProgramJob> plan_programs(const MachineSpec& machine, double silence_seconds,
                                      std::span<const std::string> globs) {
  std::vector<ProgramJob> jobs;
  const auto add = [&](const std::string& suite, std::vector<std::string> names, u32 only_cpus = 0) {
    MachineSpec its = machine;
    if (its.cpus == 0) its.cpus = only_cpus != 0 ? only_cpus : kCpus;
    if (only_cpus != 0 && its.cpus != only_cpus) return;
    std::erase_if(names, [&](const std::string& name) { return !selected(globs, suite, name); });
    if (!names.empty()) jobs.push_back({its, silence_seconds, suite, std::move(names)});
  };
  // Scripts judge by time, which is only exact where it is the number of instructions.
  if (machine.timing == Timing::kDeterministic)
    for (const Script& script : scripts()) add(script.suite, names_in(script), script.only_cpus);
  add(kCatchSuite, names_in_catch_program());
  return jobs;
}

std::string group_name(const ProgramJob& job) {
  return fmt::format("{} programs smp={}{}", to_string(job.machine.arch), job.machine.cpus,
                     job.machine.timing == Timing::kDeterministic ? " deterministic" : "");
}

void run_program_job(const ProgramJob& job, const Report& report) { Runner(job, report).run(); }

} // namespace runnel::qemu
