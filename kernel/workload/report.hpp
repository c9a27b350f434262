// SPDX-License-Identifier: Apache-2.0
// The "runnel: report {json}" lines. Format: docs/scenarios.md; read by qemu/report.
#pragma once

#include "kernel/workload/engine.hpp"

namespace runnel::workload {

/// One line per thread, one per CPU, one total (last).
void print_report(const Engine& engine, u64 seed);

} // namespace runnel::workload
