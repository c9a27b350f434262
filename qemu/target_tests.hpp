// SPDX-License-Identifier: Apache-2.0
// On-target tests on one kind of machine: boots it, follows the KTAP, and boots again for the rest when a
// test takes the guest down with it.
#pragma once

#include "qemu/elf_image.hpp"
#include "qemu/guest.hpp"
#include "qemu/results.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace runnel::qemu {

/// An image with its tests, read once for all jobs of an architecture.
struct TestImage {
  std::filesystem::path elf;
  std::vector<DeclaredTest> tests; // those of the image's architecture, sorted

  static std::shared_ptr<const TestImage> load(const std::filesystem::path& elf);
};

struct TargetJob {
  MachineSpec machine; // arch, boot, timing, cpus, memory, seed
  std::shared_ptr<const TestImage> image;
  std::vector<DeclaredTest> tests; // what to run there, sorted
  double silence_seconds = kDefaultSilenceSeconds;
  std::string append;  // more words for the kernel's command line
  std::string variant; // and those that make this job a lane of its own
};

/// "x86_64 direct smp=4", with "deterministic" where it is, and the words of the job's variant.
std::string group_name(const TargetJob& job);

/// Runs all tests of the job; each gets exactly one result. Throws Failure(kInterrupted), Failure(kMissing).
/// `on_serial`, if set, is given each boot's serial bytes.
void run_target_job(const TargetJob& job, const std::function<void(TestResult)>& report,
                    const std::function<void(const std::string&)>& on_serial);

} // namespace runnel::qemu
