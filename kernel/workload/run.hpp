// SPDX-License-Identifier: Apache-2.0
// The verb `run`: executes the workload in the initrd's file "workload" and prints what was measured.
#pragma once

#include "boot/boot_info.hpp"
#include "kernel/lib/types.hpp"

#include <span>

namespace runnel::workload {

/// Runs to the end and prints the "runnel: report {json}" lines. kPassed; kBootFailed after a line
/// "runnel: error ..." when there is no initrd (empty span), it is damaged, or the workload in it is not one
/// this machine can run; kInternal when memory runs out. `seed` only goes into the report, so that a run can
/// be repeated. Thread context, all CPUs online.
boot::ExitCode run_workload(std::span<const std::byte> initrd, u64 seed);

} // namespace runnel::workload
