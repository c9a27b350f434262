// SPDX-License-Identifier: Apache-2.0
// The host tool's choice of tests and machines, and the QEMU command lines that come of it.
#include "qemu/machine.hpp"
#include "qemu/select.hpp"
#include "qemu/test_plan.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace runnel;
using namespace runnel::qemu;

namespace {

DeclaredTest test(std::string name, u32 cpus = 1, u32 flags = 0) {
  DeclaredTest t;
  t.name = std::move(name);
  t.file = "tests/target/x.cpp";
  t.line = 1;
  t.min_cpus = cpus;
  t.arches = 3;
  t.flags = flags;
  return t;
}

std::vector<DeclaredTest> some_tests() {
  return {test("demo.panic", 1, 1), test("mm.pages"), test("mm.storm", 4), test("selftest.a"),
          test("timer.fires", 2)};
}

bool has(const std::vector<std::string>& words, const std::string& first, const std::string& second) {
  for (std::size_t i = 0; i + 1 < words.size(); ++i)
    if (words[i] == first && words[i + 1] == second) return true;
  return false;
}

bool chosen(std::vector<std::string> globs, const DeclaredTest& t) { return selects(globs, t); }

} // namespace

TEST_CASE("tool select: globs mean what they mean in the kernel") {
  const DeclaredTest plain = test("timer.fires_once"), demo = test("demo.panic", 1, 1);
  CHECK(chosen({}, plain));
  CHECK(chosen({"timer"}, plain));
  CHECK(chosen({"t*"}, plain));
  CHECK(chosen({"timer.*once"}, plain));
  CHECK(chosen({"x", "*.fires_*"}, plain));
  CHECK_FALSE(chosen({"fires_once"}, plain));
  CHECK_FALSE(chosen({}, demo));
  CHECK_FALSE(chosen({"*"}, demo));
  CHECK_FALSE(chosen({"demo"}, demo));
  CHECK_FALSE(chosen({"*.panic"}, demo));
  CHECK(chosen({"demo.*"}, demo));
  CHECK(chosen({"demo.panic"}, demo));
}

TEST_CASE("tool select: whole suites are named as such, single tests by name") {
  const auto all = some_tests();
  const auto words = [&](std::vector<DeclaredTest> selected, u32 cpus) {
    return test_words(selected, all, cpus);
  };
  CHECK(words({all[1], all[2], all[3]}, 4) == std::vector<std::string>{"test=mm,selftest"});
  CHECK(words({all[1]}, 2) == std::vector<std::string>{"test=mm"}); // storm does not fit 2 CPUs anyway
  CHECK(words({all[1]}, 4) == std::vector<std::string>{"test=mm.pages"});
  CHECK(words({all[0]}, 4) == std::vector<std::string>{"test=demo.panic"});
}

TEST_CASE("tool select: long selections become several boots, none too long, nothing lost") {
  std::vector<DeclaredTest> all, selected;
  for (int i = 0; i < 200; ++i) all.push_back(test("suite.case_" + std::to_string(1000 + i)));
  selected.assign(all.begin(), all.end() - 1);
  const auto words = test_words(selected, all, 1, 300);
  CHECK(words.size() > 5);
  std::size_t names = 0;
  for (const std::string& word : words) {
    CHECK(word.size() <= 300);
    CHECK(word.starts_with("test=suite.case_"));
    names += static_cast<std::size_t>(std::ranges::count(word, ',')) + 1;
  }
  CHECK(names == selected.size());
}

TEST_CASE("tool plan: the default is every size direct, and a few tests through UEFI") {
  auto image = std::make_shared<TestImage>();
  image->tests = some_tests();
  const std::shared_ptr<const TestImage> images[] = {image, image};
  const Arch arches[] = {Arch::kX86_64, Arch::kAarch64};
  const TestPlan plan = plan_tests(images, arches, {});
  CHECK(plan.jobs.size() == 2 * (std::size(kDefaultSmp) + std::size(kParallelSmp) + 1));
  CHECK(plan.skipped.empty());
  CHECK(plan.jobs[0].machine.boot == BootPath::kUefi);
  for (const TargetJob& job : plan.jobs) {
    for (const DeclaredTest& t : job.tests) {
      CHECK(t.min_cpus <= job.machine.cpus);
      CHECK_FALSE(t.only_by_name());
      if (job.machine.boot == BootPath::kUefi) CHECK(t.suite() == kUefiSuite);
    }
  }
}

TEST_CASE("tool plan: mutexes are waited for once more under proxy execution") {
  auto image = std::make_shared<TestImage>();
  image->tests = {test("mm.pages"), test("sched_pi.chain"), test("sched_pi.wide", 8), test("sync.mutex")};
  const std::shared_ptr<const TestImage> images[] = {image};
  const Arch arches[] = {Arch::kAarch64};
  PlanOptions options;
  const auto lanes = [&] {
    const TestPlan plan = plan_tests(images, arches, options);
    std::vector<TargetJob> found;
    std::ranges::copy_if(plan.jobs, std::back_inserter(found),
                         [](const TargetJob& job) { return !job.variant.empty(); });
    return found;
  };
  const auto found = lanes();
  REQUIRE(found.size() == 1);
  CHECK(group_name(found[0]) == "aarch64 direct smp=4 deterministic sched_proxy_exec=1");
  CHECK(found[0].tests.size() == 2);
  CHECK(found[0].tests[0].name == "sched_pi.chain");
  CHECK(found[0].tests[1].name == "sync.mutex");
  options.lanes = Lanes::kParallel;
  CHECK(lanes().empty());
}

TEST_CASE("tool plan: a test no machine of the matrix can hold is said to be skipped") {
  auto image = std::make_shared<TestImage>();
  image->tests = some_tests();
  const std::shared_ptr<const TestImage> images[] = {image};
  const Arch arches[] = {Arch::kAarch64};
  PlanOptions options;
  options.smp = {1, 2};
  const TestPlan plan = plan_tests(images, arches, options);
  CHECK(plan.jobs.size() == 4); // both lanes
  REQUIRE(plan.skipped.size() == 1);
  CHECK(plan.skipped[0].full_name() == "mm.storm");
  CHECK(plan.skipped[0].verdict == Verdict::kSkipped);
}

TEST_CASE("tool machine: direct boots and their timing") {
  MachineSpec spec;
  spec.kernel = "k.elf";
  spec.command_line = "test=a,b seed=1";
  auto words = qemu_command(spec, 7);
  CHECK(has(words, "-kernel", "k.elf"));
  CHECK(has(words, "-append", "test=a,b seed=1"));
  CHECK(has(words, "-bios", "qboot.rom"));
  CHECK(has(words, "-smp", "4"));
  CHECK(has(words, "-m", "256M"));
  CHECK(has(words, "-accel", "tcg,thread=multi"));
  CHECK(std::ranges::find(words, "-initrd") == words.end());
  CHECK(std::ranges::find(words, "-icount") == words.end());
  spec.timing = Timing::kDeterministic;
  spec.seed = 9;
  spec.initrd = "i.cpio";
  words = qemu_command(spec, 7);
  CHECK(has(words, "-icount", "shift=0,sleep=off"));
  CHECK(has(words, "-accel", "tcg,thread=single"));
  CHECK(has(words, "-rtc", "base=2026-01-01T00:00:00,clock=vm"));
  CHECK(has(words, "-seed", "9"));
  CHECK(has(words, "-initrd", "i.cpio"));
}

TEST_CASE("tool machine: UEFI boots from a volume, commas in its name doubled") {
  MachineSpec spec;
  spec.arch = Arch::kAarch64;
  spec.boot = BootPath::kUefi;
  spec.firmware = "fw.fd";
  spec.volume = "/tmp/a,b";
  const auto words = qemu_command(spec, 7);
  CHECK(words[0].ends_with("aarch64"));
  CHECK(has(words, "-bios", "fw.fd"));
  CHECK(has(words, "-drive", "if=none,id=esp,format=raw,readonly=on,file=fat:/tmp/a,,b"));
  CHECK(std::ranges::find(words, "-kernel") == words.end());
  CHECK(describe(spec) == "aarch64 uefi, 4 CPUs");
}
