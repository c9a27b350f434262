// SPDX-License-Identifier: Apache-2.0
// Tells the scheduler what the firmware said about the machine.
#pragma once

namespace runnel {

/// Builds the scheduling domains for the CPUs that came up. Thread context; once.
void build_sched_domains();
/// After a CPU came or went. Thread context; one caller at a time.
void rebuild_sched_domains();
/// Prints them: the kernel log at level debug.
void log_sched_domains();

} // namespace runnel
