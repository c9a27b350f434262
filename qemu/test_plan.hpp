// SPDX-License-Identifier: Apache-2.0
// Which tests run on which machines: the matrix of `runnel test`, worked out before anything is started.
// Pure.
#pragma once

#include "qemu/machine.hpp"
#include "qemu/target_tests.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace runnel::qemu {

/// Which machines: those whose time is exact, those whose CPUs really run at once, or each kind where it is
/// due.
enum class Lanes { kBoth, kDeterministic, kParallel };

struct PlanOptions {
  std::vector<std::string> globs;
  std::vector<u32> smp;         // empty: kDefaultSmp
  std::optional<BootPath> boot; // none: everything direct, and a few tests through the firmware
  Lanes lanes = Lanes::kBoth;
  MachineSpec base;                      // memory, seed
  std::optional<double> silence_seconds; // none: by the machine's timing
  std::string append;
};

/// On deterministic machines, where a test means the same every time; and once more on CPUs that really run
/// at once, for the races that taking turns hides.
inline constexpr u32 kDefaultSmp[] = {1, 2, 4, 8};
inline constexpr u32 kParallelSmp[] = {4};
/// What the default command boots through UEFI, on kUefiCpus CPUs: enough to see that it leads into the same
/// kernel.
inline constexpr std::string_view kUefiSuite = "selftest";
inline constexpr u32 kUefiCpus = 4;

/// And once more with the waiters of mutexes lending their context instead of their priority: the suites that
/// wait for mutexes, deterministically.
inline constexpr std::string_view kProxyVariant = "sched_proxy_exec=1";
inline constexpr std::string_view kProxySuites[] = {"sched",       "sched_hotplug", "sched_pi",
                                                    "sched_proxy", "sched_rt",      "sync"};
inline constexpr u32 kProxyCpus = 4;

struct TestPlan {
  std::vector<TargetJob> jobs;     // the long ones first
  std::vector<TestResult> skipped; // selected, but no machine of the matrix can run them
};

TestPlan plan_tests(std::span<const std::shared_ptr<const TestImage>> images, std::span<const Arch> arches,
                    const PlanOptions& options);

} // namespace runnel::qemu
