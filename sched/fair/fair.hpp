// SPDX-License-Identifier: Apache-2.0
// The fair class: the hooks of spec 2.1 over the rules of EEVDF. Its parts: enqueue.cpp, pick.cpp,
// preempt.cpp, params.cpp; placement and pulling are in select.cpp and newidle.cpp.
#pragma once

#include "sched/fair/eevdf.hpp"
#include "sched/fair/tunables.hpp"

#include <sched/sched_class.hpp>

namespace runnel::sched {

inline Task& task_of(FairEntity& se) {
  const auto offset = reinterpret_cast<uptr>(&reinterpret_cast<Task*>(uptr{4096})->se) - uptr{4096};
  return *reinterpret_cast<Task*>(reinterpret_cast<uptr>(&se) - offset);
}

/// Arms the one-shot tick for the end of current's stint, or calls it off when nobody else is queued. Only
/// its own CPU can: what others queue here from afar waits for the periodic tick. Nothing without
/// features.hrtick.
void fair_hrtick_update(Rq& rq) REQUIRES(rq.lock);
void fair_hrtick_stop(Rq& rq) REQUIRES(rq.lock);

class FairClass final : public SchedClass {
 public:
  constexpr FairClass() : SchedClass("fair", 2) {}

  void enqueue_task(Rq& rq, Task& p, u32 flags) const override REQUIRES(rq.lock);
  bool dequeue_task(Rq& rq, Task& p, u32 flags) const override REQUIRES(rq.lock);
  void switching_from(Rq& rq, Task& p) const override REQUIRES(rq.lock);
  void task_fork(Task& p) const override;
  void task_dead(Task& p) const override;

  Pick pick_task(Rq& rq) const override REQUIRES(rq.lock);
  void put_prev_task(Rq& rq, Task& p, Task* next) const override REQUIRES(rq.lock);
  void set_next_task(Rq& rq, Task& p, SetNext how) const override REQUIRES(rq.lock);
  void update_curr(Rq& rq) const override REQUIRES(rq.lock);

  void wakeup_preempt(Rq& rq, Task& p, u32 wake_flags) const override REQUIRES(rq.lock);
  void yield_task(Rq& rq) const override REQUIRES(rq.lock);
  void task_tick(Rq& rq, Task& donor, Tick kind) const override REQUIRES(rq.lock);
  void prio_changed(Rq& rq, Task& p, u64 old_prio) const override REQUIRES(rq.lock);
  void switched_to(Rq& rq, Task& p) const override REQUIRES(rq.lock);

  /// `weight` as in FairEntity: 1 << 20 for nice 0.
  void reweight_task(Rq& rq, Task& p, u32 weight) const override REQUIRES(rq.lock);
  Duration get_rr_interval(Rq& rq, Task& p) const override REQUIRES(rq.lock);
  void rq_online(Rq& rq) const override REQUIRES(rq.lock);
  void rq_offline(Rq& rq) const override REQUIRES(rq.lock);

  CpuId select_task_rq(Task& p, CpuId prev_cpu, u32 wake_flags) const override;
  void migrate_task_rq(Task& p, CpuId cpu) const override;
  bool balance(Rq& rq, Task& prev) const override REQUIRES(rq.lock);

 private:
  eevdf::Choice pick_runnable(Rq& rq, eevdf::Protection protection) const REQUIRES(rq.lock);
};

} // namespace runnel::sched
