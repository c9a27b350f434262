// SPDX-License-Identifier: Apache-2.0
// What of the machine user mode can read by itself: the clock and the number of the CPU it is on.
#pragma once

#include "kernel/lib/types.hpp"

#include <optional>

namespace runnel::arch {

/// ns = (counter - base) * (whole + fraction * 2^-64), where the counter is the TSC or CNTVCT_EL0. Nothing:
/// it has to ask, since the CPUs' counters disagree.
struct UserClock {
  u64 base = 0, whole = 0, fraction = 0;
};
std::optional<UserClock> clock_for_user();

/// On every CPU, once the machine is known: what user mode reads as its CPU's number and NUMA node.
void set_user_cpu_number(CpuId cpu, u32 node);
/// User mode can read it (x86_64: rdtscp gives cpu | node << 12 in ECX).
bool user_reads_cpu_number();

} // namespace runnel::arch
