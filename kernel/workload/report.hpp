// SPDX-License-Identifier: Apache-2.0
// The "runnel: report {json}" lines. Format: docs/scenarios.md; read by qemu/report.
#pragma once

#include "kernel/smp/cpumask.hpp"
#include "kernel/workload/engine.hpp"

#include <sched/sched.hpp>

namespace runnel::workload {

/// What the CPUs did, as a difference between two moments.
struct CpuSample {
  Instant when;
  sched::CpuStats cpus[kMaxCpus] = {};
  void take();
};

/// One line per thread, one per CPU, one total (last).
void print_report(const Engine& engine, const CpuSample& before, const CpuSample& after, u64 seed);

} // namespace runnel::workload
