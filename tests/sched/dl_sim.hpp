// SPDX-License-Identifier: Apache-2.0
// Deadline tasks on the simulated machine: jobs with their lateness, and what must hold of the sums and of
// global EDF at any quiet moment.
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

/// No CPU is in a critical section, has been asked to reschedule, or has a wake-up under way.
inline bool is_quiet() {
  for (u32 i = 0; i < machine->nr_cpus(); ++i) {
    const VirtualCpu& cpu = machine->cpu(i);
    const sched::Rq& rq = sched::cpu_rq(cpu.id);
    if (cpu.nr_held != 0 || cpu.ipi_at != kNoTime || rq.ttwu_pending.load() != 0) return false;
    if ((cpu.current->flags.load() & kNeedResched) != 0 || rq.curr->thread.preempt_count > kPreemptOne)
      return false;
    if (&rq.curr->thread != cpu.current) return false;
    if (&self() != rq.curr && rq.curr != rq.idle && rq.curr->thread.preempt_count != 0) return false;
  }
  for (const Task* task : machine->tasks())
    if (task->state.load() == sched::kWaking || task->on_rq.load() == sched::OnRq::kMigrating) return false;
  return true;
}

/// D05: each runqueue's two sums are those of its entities, and the domain's account is that of all.
inline void check_sums() {
  std::vector<u64> this_bw(machine->nr_cpus());
  std::vector<u64> running_bw(machine->nr_cpus());
  u64 total = 0;
  for (const Task* task : machine->tasks()) {
    const sched::DlEntity& se = task->dl;
    total += se.bw;
    if (task->sched_class != &sched::dl_sched_class || se.bw == 0) continue;
    const u32 cpu = task->task_cpu().value;
    this_bw[cpu] += se.bw;
    if (task->is_queued() || se.non_contending) running_bw[cpu] += se.bw;
  }
  for (u32 i = 0; i < machine->nr_cpus(); ++i) {
    sched::DlRq& dl = sched::cpu_rq(CpuId{i}).dl;
    for (const sched::DlEntity* se : {&dl.fair_server, &dl.ext_server}) {
      this_bw[i] += se->bw;
      if (se->active || se->non_contending) running_bw[i] += se->bw;
      if (dl.servers_admitted) total += se->bw;
    }
    INFO("cpu " << i);
    REQUIRE(dl.sums.this_bw == this_bw[i]);
    REQUIRE(dl.sums.running_bw == running_bw[i]);
    REQUIRE(dl.sums.running_bw <= dl.sums.this_bw);
  }
  REQUIRE(sched::dl_limit().total_bw == total);
}

/// D35: nobody waits whose deadline is earlier than that of somebody who runs where it may run.
inline void check_global_edf() {
  for (const Task* waiting : machine->tasks()) {
    if (!waiting->dl.is_queued() || waiting->is_on_cpu() || waiting->migration_disabled != 0) continue;
    for (u32 i = 0; i < machine->nr_cpus(); ++i) {
      const sched::Rq& rq = sched::cpu_rq(CpuId{i});
      if (!sched::is_cpu_allowed(*waiting, CpuId{i}) || !rq.online || rq.donor == rq.stop) continue;
      const sched::Task& donor = *rq.donor;
      const sched::DlEntity* runs = donor.sched_class == &sched::dl_sched_class ? &donor.dl : donor.dl_server;
      INFO("task " << waiting->pid << " of cpu " << waiting->task_cpu().value << " waits with deadline "
                   << waiting->dl.deadline << "; cpu " << i << " runs " << donor.pid << " with "
                   << (runs != nullptr ? runs->deadline : 0));
      REQUIRE(runs != nullptr);
      REQUIRE_FALSE(sched::dl_before(waiting->dl.deadline, runs->deadline));
    }
  }
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
/// `at_points` is called at begin and end of each job.
template <typename AtPoints>
JobStats run_jobs(const JobSpec& spec, Instant first, Instant end, AtPoints at_points) {
  JobStats stats;
  const Duration work = spec.work.ns != 0 ? spec.work : spec.runtime - 20_us;
  for (Instant release = first; (release + spec.deadline).is_before(end); release = release + spec.period) {
    sleep_until(release);
    at_points();
    compute(work);
    const Duration late = now() - (release + spec.deadline);
    if (late.ns > 0) ++stats.missed;
    if (late > stats.latest) stats.latest = late;
    ++stats.done;
    at_points();
  }
  return stats;
}

} // namespace runnel::sim
