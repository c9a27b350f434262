// SPDX-License-Identifier: Apache-2.0
#include "qemu/target_tests.hpp"

#include "kernel/test/test_case.hpp"
#include "qemu/ktap.hpp"
#include "qemu/select.hpp"
#include "qemu/symbolize.hpp"
#include "qemu/volume.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace runnel::qemu {
namespace {

class Runner {
 public:
  Runner(const TargetJob& job, const std::function<void(TestResult)>& report,
         const std::function<void(const std::string&)>& on_serial)
      : job_(job), report_(report), on_serial_(on_serial), group_(group_name(job)) {}

  void run() {
    std::vector<DeclaredTest> left = job_.tests;
    while (!left.empty()) {
      const auto before = left.size();
      for (const std::string& word : test_words(left, job_.image->tests, job_.machine.cpus))
        if (!boot(word, left)) break; // it fell: what is left is written anew
      // A boot always settles a test, if only as failed: this ends.
      if (left.size() == before) throw Failure(ExitStatus::kInternal, group_ + ": a boot settled no test");
    }
  }

 private:
  /// One boot with these tests; takes those that got a result out of `left`. False when the guest fell.
  bool boot(const std::string& word, std::vector<DeclaredTest>& left) {
    GuestOptions options;
    options.machine = job_.machine;
    options.elf = job_.image->elf;
    options.postmortem = build_folder() / "postmortem";
    options.silence_seconds = job_.silence_seconds;
    std::string command_line = fmt::format("{} seed={}", word, job_.machine.seed);
    for (const std::string& words : {job_.variant, job_.append})
      if (!words.empty()) command_line += " " + words;
    const auto files = prepare_boot(
        options.machine, {.elf = job_.image->elf, .command_line = command_line, .initrd = initrd_for(left)});
    KtapParser ktap;
    options.on_line = [&](const std::string& line) {
      if (auto result = ktap.take(line)) settle(*result, left);
    };
    const auto before = left.size();
    const GuestRun run = run_guest(options);
    if (run.end == RunEnd::kInterrupted) throw Failure(ExitStatus::kInterrupted, "interrupted");
    if (on_serial_) on_serial_(run.serial);
    const bool fell = status_of(run) > ExitStatus::kFailed;
    if (fell)
      blame(run, ktap, word, left);
    else
      check_complete(ktap, before, word, left);
    return !fell;
  }

  /// The user programs, when there are tests of user mode: it is large, and firmware reads it slowly.
  std::optional<std::string> initrd_for(const std::vector<DeclaredTest>& tests) const {
    constexpr std::string_view kUserSuites = "user";
    if (std::ranges::none_of(tests,
                             [&](const DeclaredTest& t) { return t.suite().starts_with(kUserSuites); }))
      return std::nullopt;
    const fs::path file = user_initrd(job_.machine.arch);
    require_file(file, "initrd of the user programs");
    return read_file(file);
  }

  const DeclaredTest* planned(const std::vector<DeclaredTest>& left, const std::string& name) const {
    const auto at = std::ranges::find(left, name, &DeclaredTest::name);
    return at == left.end() ? nullptr : &*at;
  }

  TestResult result_for(const DeclaredTest& test) const {
    TestResult r;
    r.group = group_;
    r.suite = test.suite();
    r.name = test.case_name();
    r.file = test.file;
    r.line = test.line;
    const MachineSpec& m = job_.machine;
    r.again = fmt::format("./runnel test {} {} --boot {}", test.name, test_options(m), to_string(m.boot));
    return r;
  }

  void settle(const KtapResult& point, std::vector<DeclaredTest>& left) {
    const DeclaredTest* test = planned(left, point.suite + "." + point.name);
    if (test == nullptr) return; // came along with its suite: counted on a machine it fits
    TestResult r = result_for(*test);
    r.verdict = point.verdict == KtapVerdict::kPassed    ? Verdict::kPassed
                : point.verdict == KtapVerdict::kSkipped ? Verdict::kSkipped
                                                         : Verdict::kFailed;
    r.seconds = static_cast<double>(point.time_us.value_or(0)) / 1e6;
    r.reason = point.reason;
    if (r.verdict == Verdict::kFailed) {
      r.kind = ExitStatus::kFailed;
      r.log = symbols().annotate(point.log);
      r.reason = first_failure(point.log);
    }
    erase(left, r.full_name());
    report_(std::move(r));
  }

  static std::string first_failure(const std::string& log) {
    constexpr std::string_view kMark = "# FAILED ";
    const auto at = log.find(kMark);
    if (at == std::string::npos) return "not ok";
    const auto start = at + kMark.size();
    return log.substr(start, log.find('\n', start) - start);
  }

  static void erase(std::vector<DeclaredTest>& left, const std::string& name) {
    std::erase_if(left, [&](const DeclaredTest& t) { return t.name == name; });
  }

  /// The guest ended badly: the test that ran then has failed, with all that is known.
  void blame(const GuestRun& run, const KtapParser& ktap, const std::string& word,
             std::vector<DeclaredTest>& left) {
    const DeclaredTest* test = planned(left, run.running);
    if (test == nullptr) test = first_of(word, left); // tests run in the order of the list
    if (test == nullptr) test = &left.front();
    TestResult r = result_for(*test);
    r.verdict = Verdict::kFailed;
    r.kind = status_of(run);
    r.reason = run.reason.empty() ? "the guest ended early" : run.reason;
    r.log = symbols().annotate(ktap.unfinished_log()) + run.postmortem + run.qemu_messages;
    erase(left, r.full_name());
    report_(std::move(r));
  }

  static const DeclaredTest* first_of(const std::string& word, const std::vector<DeclaredTest>& left) {
    const std::string patterns = "," + word.substr(word.find('=') + 1) + ",";
    for (const DeclaredTest& test : left)
      if (patterns.find("," + test.name + ",") != std::string::npos ||
          patterns.find("," + std::string(test.suite()) + ",") != std::string::npos)
        return &test;
    return nullptr;
  }

  /// The guest said that all is over: then every test of this boot must have a result, and the KTAP must add
  /// up.
  void check_complete(const KtapParser& ktap, std::size_t before, const std::string& word,
                      std::vector<DeclaredTest>& left) {
    const DeclaredTest* test = first_of(word, left);
    if (test == nullptr && (ktap.complete() || before == 0) && ktap.problems().empty()) return;
    TestResult r = test != nullptr ? result_for(*test) : TestResult{};
    r.group = group_;
    if (test == nullptr) r.suite = "ktap", r.name = "consistent";
    r.verdict = Verdict::kFailed;
    r.kind = ExitStatus::kInternal;
    r.reason =
        test != nullptr ? "the guest ended without a result for it" : "the guest's KTAP does not add up";
    for (const std::string& problem : ktap.problems()) r.log += problem + "\n";
    if (test != nullptr) erase(left, r.full_name());
    report_(std::move(r));
  }

  const Symbolizer& symbols() {
    if (!symbols_) symbols_ = std::make_unique<Symbolizer>(job_.image->elf);
    return *symbols_;
  }

  const TargetJob& job_;
  const std::function<void(TestResult)>& report_;
  const std::function<void(const std::string&)>& on_serial_;
  const std::string group_;
  std::unique_ptr<Symbolizer> symbols_;
};

} // namespace

std::shared_ptr<const TestImage> TestImage::load(const std::filesystem::path& elf) {
  auto image = std::make_shared<TestImage>();
  const ElfImage file(elf);
  const u32 bit = file.arch() == Arch::kX86_64 ? test::kArchX86_64 : test::kArchAarch64;
  image->elf = elf;
  image->tests = file.tests();
  std::erase_if(image->tests, [&](const DeclaredTest& t) { return (t.arches & bit) == 0; });
  return image;
}

std::string group_name(const TargetJob& job) {
  const MachineSpec& machine = job.machine;
  const std::string size =
      machine.shape ? "topology=" + to_string(*machine.shape) : fmt::format("smp={}", machine.cpus);
  return fmt::format("{} {} {}{}{}{}", to_string(machine.arch), to_string(machine.boot), size,
                     machine.timing == Timing::kDeterministic ? " deterministic" : "",
                     job.variant.empty() ? "" : " ", job.variant);
}

void run_target_job(const TargetJob& job, const std::function<void(TestResult)>& report,
                    const std::function<void(const std::string&)>& on_serial) {
  Runner(job, report, on_serial).run();
}

} // namespace runnel::qemu
