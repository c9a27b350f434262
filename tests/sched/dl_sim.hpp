// SPDX-License-Identifier: Apache-2.0
// Deadline tasks on the simulated machine: jobs with their lateness. That the sums are true and global EDF
// holds is checked by the machine itself (sched/sim/dl_invariants.cpp).
#pragma once

#include "sched/sim/machine.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <sched/attr.hpp>
#include <sched/deadline.hpp>
#include <sched/sched_class.hpp>

namespace runnel::sim {

inline Result<> set_deadline(Task& task, Duration runtime, Duration deadline, Duration period,
                             u64 flags = 0) {
  sched::SchedAttr attr;
  attr.policy = static_cast<u32>(sched::Policy::kDeadline);
  attr.runtime = static_cast<u64>(runtime.ns);
  attr.deadline = static_cast<u64>(deadline.ns);
  attr.period = static_cast<u64>(period.ns);
  attr.flags = flags;
  return sched::sched_setattr(task, attr);
}

/// So many seeds, or RUNNEL_SIM_CASES times as many.
inline u64 seeds(u64 count) {
  const char* factor = std::getenv("RUNNEL_SIM_CASES");
  return factor != nullptr ? count * std::stoull(factor) : count;
}

inline Result<> set_normal(Task& task) { return sched::sched_setattr(task, sched::SchedAttr{}); }

/// Both servers of every CPU off.
inline void servers_off() {
  for (u32 i = 0; i < machine->nr_cpus(); ++i)
    for (const auto kind : {sched::DlServerKind::kFair, sched::DlServerKind::kExt})
      REQUIRE(
          sched::dl_server_set_params(CpuId{i}, kind, {.runtime = 0, .period = 1'000'000'000}).has_value());
}

inline void sleep_until(Instant until) {
  if (const Duration left = until - now(); left.ns > 0) sleep(left);
}

struct JobStats {
  u32 done = 0;
  u32 missed = 0;
  Duration latest = Duration{INT64_MIN}; // completion after the deadline; negative: in time
};

struct JobSpec {
  Duration runtime;
  Duration deadline;
  Duration period;
  Duration work; // 0: runtime less a little, for it may not be used up
};

/// One job a period from `first` on, until `end`, in the current task, whose parameters are set already.
inline JobStats run_jobs(const JobSpec& spec, Instant first, Instant end) {
  JobStats stats;
  const Duration work = spec.work.ns != 0 ? spec.work : spec.runtime - 20_us;
  for (Instant release = first; (release + spec.deadline).is_before(end); release = release + spec.period) {
    sleep_until(release);
    compute(work);
    const Duration late = now() - (release + spec.deadline);
    if (late.ns > 0) ++stats.missed;
    if (late > stats.latest) stats.latest = late;
    ++stats.done;
  }
  return stats;
}

} // namespace runnel::sim
