// SPDX-License-Identifier: Apache-2.0
// The idle class: one thread a CPU, never queued, picked when there is nothing else.
#include "sched/balance/balance.hpp"
#include <sched/deadline.hpp>

#include <sched/sched_class.hpp>

namespace runnel::sched {
namespace {

class IdleClass final : public SchedClass {
 public:
  constexpr IdleClass() : SchedClass("idle", 0) {}

  void enqueue_task(Rq& rq, Task&, u32) const override REQUIRES(rq.lock) { port::assert_(false); }
  bool dequeue_task(Rq& rq, Task&, u32) const override REQUIRES(rq.lock) {
    port::assert_(false);
    return true;
  }
  void wakeup_preempt(Rq& rq, Task&, u32) const override REQUIRES(rq.lock) { resched_curr(rq); }
  Pick pick_task(Rq& rq) const override REQUIRES(rq.lock) {
    return {.task = rq.idle, .reason = trace::PickReason::kIdle};
  }

  void set_next_task(Rq& rq, Task&, SetNext) const override REQUIRES(rq.lock) {
    rq.idle_since = rq_clock_task(rq);
    rq.counts.idle_picks.add();
    balance_enter_idle(rq);
  }

  void put_prev_task(Rq& rq, Task&, Task*) const override REQUIRES(rq.lock) {
    update_curr(rq);
    rq.idle_time += rq_clock_task(rq) - rq.idle_since;
    rq.idle_since = rq.clock_task;
    balance_leave_idle(rq);
  }

  /// Time nobody wanted counts as background use of the servers (spec 5.8).
  void update_curr(Rq& rq) const override REQUIRES(rq.lock) {
    if (rq.donor->sched_class == this) dl_servers_charge_idle(rq, update_curr_common(rq));
  }

  CpuId select_task_rq(Task& p, CpuId, u32) const override { return p.task_cpu(); }
};

constinit const IdleClass idle;

} // namespace

const SchedClass& idle_sched_class = idle;

} // namespace runnel::sched
