// SPDX-License-Identifier: Apache-2.0
#include "qemu/test_plan.hpp"

#include "qemu/select.hpp"
#include "qemu/sort.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <tuple>

namespace runnel::qemu {
namespace {

std::vector<DeclaredTest> fitting(const std::vector<DeclaredTest>& tests, u32 cpus, Timing timing) {
  std::vector<DeclaredTest> fit;
  std::ranges::copy_if(tests, std::back_inserter(fit), [&](const DeclaredTest& t) {
    return t.min_cpus <= cpus && (timing == Timing::kDeterministic || !t.needs_exact_time());
  });
  return fit;
}

TestResult no_machine(const DeclaredTest& test, Arch arch, u32 most) {
  TestResult r;
  r.group = fmt::format("{} not run", to_string(arch));
  r.suite = test.suite();
  r.name = test.case_name();
  r.file = test.file;
  r.line = test.line;
  r.verdict = Verdict::kSkipped;
  r.reason = fmt::format("needs {} CPUs; the largest machine of this run has {}", test.min_cpus, most);
  return r;
}

} // namespace

TestPlan plan_tests(std::span<const std::shared_ptr<const TestImage>> images, std::span<const Arch> arches,
                    const PlanOptions& options) {
  std::vector<u32> sizes(std::begin(kDefaultSmp), std::end(kDefaultSmp));
  if (!options.smp.empty()) sizes = options.smp;
  const u32 most = *std::ranges::max_element(sizes);
  TestPlan plan;
  for (std::size_t i = 0; i < arches.size(); ++i) {
    std::vector<DeclaredTest> chosen;
    std::ranges::copy_if(images[i]->tests, std::back_inserter(chosen),
                         [&](const DeclaredTest& t) { return selects(options.globs, t); });
    const auto add = [&](BootPath boot, u32 cpus, Timing timing, std::vector<DeclaredTest> tests,
                         std::string_view variant = {}) {
      if (tests.empty()) return;
      TargetJob job{options.base,     images[i],
                    std::move(tests), options.silence_seconds.value_or(default_silence(timing, boot)),
                    options.append,   std::string(variant)};
      job.machine.timing = timing;
      job.machine.arch = arches[i];
      job.machine.boot = boot;
      job.machine.cpus = cpus;
      plan.jobs.push_back(std::move(job));
    };
    const auto add_all = [&](Timing timing, std::span<const u32> smp) {
      for (const u32 cpus : smp)
        add(options.boot.value_or(BootPath::kDirect), cpus, timing, fitting(chosen, cpus, timing));
    };
    const bool all_sizes = options.lanes == Lanes::kParallel || !options.smp.empty();
    if (options.lanes != Lanes::kParallel) add_all(Timing::kDeterministic, sizes);
    if (options.lanes != Lanes::kDeterministic)
      add_all(Timing::kRealTime,
              all_sizes ? std::span<const u32>(sizes) : std::span<const u32>(kParallelSmp));
    if (!options.boot && options.smp.empty() && options.lanes != Lanes::kParallel) {
      auto proxy = fitting(chosen, kProxyCpus, Timing::kDeterministic);
      std::erase_if(proxy, [](const DeclaredTest& t) {
        return std::ranges::find(kProxySuites, t.suite()) == std::end(kProxySuites);
      });
      add(BootPath::kDirect, kProxyCpus, Timing::kDeterministic, std::move(proxy), kProxyVariant);
    }
    if (!options.boot && options.smp.empty()) {
      const Timing timing =
          options.lanes == Lanes::kDeterministic ? Timing::kDeterministic : Timing::kRealTime;
      auto smoke = fitting(chosen, kUefiCpus, timing);
      std::erase_if(smoke, [](const DeclaredTest& t) { return t.suite() != kUefiSuite; });
      add(BootPath::kUefi, kUefiCpus, timing, std::move(smoke));
    }
    for (const DeclaredTest& test : chosen)
      if (test.min_cpus > most) plan.skipped.push_back(no_machine(test, arches[i], most));
  }
  // UEFI first, then from many CPUs to few: the long ones.
  sort_by(plan.jobs, [](const TargetJob& job) {
    return std::pair(job.machine.boot == BootPath::kUefi ? 0 : 1, kMaxCpus - job.machine.cpus);
  });
  return plan;
}

} // namespace runnel::qemu
