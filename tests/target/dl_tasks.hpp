// SPDX-License-Identifier: Apache-2.0
// Deadline tasks that do jobs, for tests of the deadline class, and the switches they need.
#pragma once

#include "tests/target/rt_tasks.hpp"

#include <sched/deadline.hpp>
#include <sched/dl_admission.hpp>

namespace runnel::test {

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

inline Result<> set_normal(Task& task) { return sched::sched_setattr(task, sched::SchedAttr{}); }

/// All servers off while it lives.
class ServersOff {
 public:
  ServersOff() { set(0); }
  ~ServersOff() { set(50'000'000); }
  ServersOff(const ServersOff&) = delete;
  ServersOff& operator=(const ServersOff&) = delete;

 private:
  static void set(u64 runtime) {
    for (const CpuId cpu : online_cpus())
      for (const auto kind : {sched::DlServerKind::kFair, sched::DlServerKind::kExt})
        CHECK(sched::dl_server_set_params(cpu, kind, {.runtime = runtime, .period = 1'000'000'000})
                  .has_value());
  }
};

/// Admission off while it lives, so that deadline tasks may be bound to some CPUs. At the end it waits until
/// the domain has all its bandwidth back: the last threads' 0-lag times are past then.
class AdmissionOff {
 public:
  AdmissionOff() { CHECK(sched::dl_set_limit(1'000'000, -1).has_value()); }
  ~AdmissionOff() {
    wait_for_bandwidth(before_);
    CHECK(sched::dl_set_limit(1'000'000, 950'000).has_value());
  }
  AdmissionOff(const AdmissionOff&) = delete;
  AdmissionOff& operator=(const AdmissionOff&) = delete;

  static void wait_for_bandwidth(u64 total) {
    for (u32 i = 0; i < 1000 && sched::dl_limit().total_bw != total; ++i) sleep_for(1_ms);
    CHECK(sched::dl_limit().total_bw == total);
  }

 private:
  u64 before_ = sched::dl_limit().total_bw;
};

/// Uses the CPU for `work` of the calling thread's own time.
inline void work_for(Duration work) {
  Task& self = current_task();
  const Duration until = sched::task_runtime(self) + work;
  while (sched::task_runtime(self) < until) burn();
}

struct JobSpec {
  Duration runtime;
  Duration deadline;
  Duration period;
};

struct JobStats {
  u32 done = 0;
  u32 missed = 0;
  Duration worst = Duration{-1'000'000'000'000}; // completion after the deadline
};

/// Jobs that together need this much less than the runtime: what the kernel does for the thread is charged to
/// it.
inline Duration job_work(Duration runtime) { return runtime - runtime / 100 - 30_us; }

/// One job of `work` each period from `first` on, those with a deadline up to `end`.
inline JobStats run_jobs(const JobSpec& spec, Duration work, Instant first, Instant end) {
  JobStats stats;
  for (Instant release = first; !(release + spec.deadline).is_after(end); release = release + spec.period) {
    sleep_until(release);
    work_for(work);
    const Duration late = time::now() - (release + spec.deadline);
    ++stats.done;
    if (late.ns > 0) ++stats.missed;
    if (late > stats.worst) stats.worst = late;
  }
  return stats;
}

enum class Class { kDeadline, kRateMonotonic };

/// Runs the set on `cpus` for `window`, all released at once, as deadline tasks or as FIFO tasks with the
/// shortest period first. Results go to `stats`.
inline void run_set(const JobSpec* specs, u32 count, const CpuMask& cpus, Duration window, Class cls,
                    JobStats* stats) {
  // What a thread did to become a deadline task is long over when its first job comes.
  Instant first = time::now() + 2_ms;
  for (u32 i = 0; i < count; ++i)
    if (const Instant after = time::now() + specs[i].period + 2_ms; after.is_after(first)) first = after;
  const Instant end = first + window;
  u32 refused = 0;
  auto body = [&](u32 i) {
    Task& self = current_task();
    Duration work = specs[i].runtime;
    if (cls == Class::kDeadline) {
      work = job_work(work);
      if (!set_deadline(self, specs[i].runtime, specs[i].deadline, specs[i].period)) ++refused;
    } else {
      u32 shorter = 0;
      for (u32 k = 0; k < count; ++k) shorter += specs[k].period < specs[i].period ? 1 : 0;
      set_fifo(self, 90 - shorter);
    }
    stats[i] = run_jobs(specs[i], work, first, end);
  };
  Threads threads(count, body, [&](u32) { return cpus; });
  threads.join();
  CHECK(refused == 0u);
}

} // namespace runnel::test
