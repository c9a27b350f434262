// SPDX-License-Identifier: Apache-2.0
// What rseq costs, counted (spec rseq_mm_cid 3.10). Laws, with the strict checks off and no faults: clear +
// fixup = section; ids <= fast + slow; section <= fast + slow + signal; fast <= exit.
#pragma once

#include "kernel/lib/format.hpp"
#include "kernel/smp/percpu.hpp"

namespace runnel::user::rseq {

struct Statistics {
  u64 exit = 0;    // ways out to user mode
  u64 signal = 0;  // looks at the section before a signal's frame
  u64 slow = 0;    // slow paths
  u64 fast = 0;    // fast paths, those that failed too
  u64 ids = 0;     // times the ids were stored
  u64 section = 0; // sections evaluated
  u64 clear = 0;   // of these: the thread was outside
  u64 fixup = 0;   // of these: aborted
  // Time slice extensions (5.4).
  u64 granted = 0;
  u64 expired = 0;   // by the timer
  u64 revoked = 0;   // taken away on the way to user mode
  u64 yielded = 0;   // ended by rseq_slice_yield
  u64 aborted = 0;   // ended by another system call
  u64 cid_flips = 0; // concurrency ids that changed hands between threads and CPUs
};

/// Counted with interrupts or preemption off.
extern PerCpu<Statistics> statistics;

/// The sum of all CPUs, racy.
Statistics total_statistics();

/// /proc/rseq_stats: a line for each number.
void write_statistics(Sink& to);

} // namespace runnel::user::rseq
