// SPDX-License-Identifier: Apache-2.0
// Programs in user mode that are tests themselves: scripts of tests/debian for Debian's binaries, and a
// Catch2 program. Each is one boot, and each of its tests one result.
#pragma once

#include "qemu/host_tests.hpp"
#include "qemu/machine.hpp"

#include <memory>
#include <string>
#include <vector>

namespace runnel::qemu {

struct ProgramJob {
  MachineSpec machine; // arch, timing, CPUs, seed
  double silence_seconds = 0;
  std::string suite;              // "busybox"
  std::vector<std::string> names; // the tests to report, in their order
};

/// Those of their tests that `globs` (as for on-target tests: SUITE or SUITE.NAME; none: all) select, for one
/// kind of machine; with 0 CPUs each on as many as suit it.
std::vector<ProgramJob> plan_programs(const MachineSpec& machine, double silence_seconds,
                                      std::span<const std::string> globs);

std::string group_name(const ProgramJob& job);

/// Each of the job's tests gets exactly one result; all are skipped, with the reason, when Debian's packages
/// cannot be had. Throws Failure(kInterrupted), Failure(kMissing) without an emulator.
void run_program_job(const ProgramJob& job, const Report& report);

} // namespace runnel::qemu
