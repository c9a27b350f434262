// SPDX-License-Identifier: Apache-2.0
// The deadline class, SCHED_DEADLINE (spec 5): what the core asks of it.
#include "sched/deadline/deadline.hpp"

namespace runnel::sched {
namespace {

constinit std::atomic<DlOverrunHook> overrun_hook{nullptr};

class DlClass final : public SchedClass {
 public:
  constexpr DlClass() : SchedClass("dl", 4) {}

  void enqueue_task(Rq& rq, Task& p, u32 flags) const override REQUIRES(rq.lock) {
    enqueue_task_dl(rq, p, flags);
  }
  bool dequeue_task(Rq& rq, Task& p, u32 flags) const override REQUIRES(rq.lock) {
    dequeue_task_dl(rq, p, flags);
    return true;
  }

  /// Gives up the rest of this period (K6, K7).
  void yield_task(Rq& rq) const override REQUIRES(rq.lock) {
    rq.donor->dl.yielded = true;
    update_rq_clock(rq);
    update_curr_dl(rq);
  }

  void wakeup_preempt(Rq& rq, Task& p, u32) const override REQUIRES(rq.lock) { wakeup_preempt_dl(rq, p); }

  bool balance(Rq& rq, Task& prev) const override REQUIRES(rq.lock) {
    // The idle thread in a donor's place: one that was picked before has gone (spec 6).
    if ((rq.dl.wants_pull || &prev == rq.idle) && rq.online) pull_dl_tasks(rq);
    return rq.dl.nr_running != 0 || (rq.stop != nullptr && rq.stop->is_queued());
  }

  Pick pick_task(Rq& rq) const override REQUIRES(rq.lock) {
    for (;;) {
      if (rq.dl.wants_pull && rq.online) { // it may be a server that has just left which leaves room
        pull_dl_tasks(rq);
        return Pick::again(); // the lock was dropped
      }
      DlEntity* first = rq.dl.queue.first();
      if (first == nullptr) return {};
      const auto pick = [first](Task* task, trace::PickReason reason) {
        return Pick{task, reason, first->deadline, static_cast<u64>(first->runtime), false};
      };
      if (!first->is_server()) return pick(&dl_task_of(*first), trace::PickReason::kEarliestDeadline);
      const Pick inner = first->server.pick(rq);
      if (inner.retry) return inner;
      // Asking brings the class's accounting up to now, which may have used the server up.
      if (!first->is_queued() || rq.dl.queue.first() != first) continue;
      if (inner.task != nullptr) {
        rq.dl_server = first;
        dl_hrtick_start(rq, *first);
        return pick(inner.task, trace::PickReason::kServer);
      }
      dl_server_stop(rq, *first);
    }
  }

  void put_prev_task(Rq& rq, Task& p, Task* next) const override REQUIRES(rq.lock) {
    update_curr_dl(rq);
    if (next != nullptr && !in_dl_class(*next) && next->dl_server == nullptr) dl_hrtick_stop(rq);
    if (!p.dl.is_queued() || p.nr_cpus_allowed == 1) return;
    enqueue_pushable_dl(rq, p);
    // A server takes the CPU for a while: another one may be free. A stopper's stay is short.
    if (next != nullptr && !in_dl_class(*next) && next != rq.stop) queue_push_dl(rq);
  }

  void set_next_task(Rq& rq, Task& p, SetNext how) const override REQUIRES(rq.lock) {
    p.exec_start = rq_clock_task(rq);
    dequeue_pushable_dl(rq, p); // the running task is not moved
    dl_hrtick_start(rq, p.dl);
    if (how == SetNext::kPicked && rq.dl.overloaded) queue_push_dl(rq);
  }

  CpuId select_task_rq(Task& p, CpuId prev_cpu, u32 wake_flags) const override {
    return select_task_rq_dl(p, prev_cpu, wake_flags);
  }
  void migrate_task_rq(Task& p, CpuId) const override { migrate_task_rq_dl(p); }

  /// The wakee does not get this CPU soon, and no better one was found before: look again, with the lock.
  void task_woken(Rq& rq, Task& p) const override REQUIRES(rq.lock) {
    const DlEntity* runs = dl_runs_by(*rq.donor);
    if (p.is_on_cpu() || p.nr_cpus_allowed == 1 || runs == nullptr) return;
    if (!can_move(*rq.curr) || !dl_earlier(p.dl, *runs)) push_dl_tasks(rq);
  }

  void set_cpus_allowed(Rq& rq, Task& p, const CpuMask& mask) const override REQUIRES(rq.lock) {
    SchedClass::set_cpus_allowed(rq, p, mask);
    if (p.is_queued() && &p != rq.donor)
      queue_push_dl(rq); // it may wait here while a CPU is free that it may use now
  }

  void rq_online(Rq& rq) const override REQUIRES(rq.lock) { dl_rq_online(rq); }
  void rq_offline(Rq& rq) const override REQUIRES(rq.lock) { dl_rq_offline(rq); }
  Rq* find_lock_rq(Task& p, Rq& rq) const override { return find_lock_later_rq(p, rq); }

  void task_tick(Rq& rq, Task& p, Tick kind) const override REQUIRES(rq.lock) {
    update_curr_dl(rq);
    if (kind == Tick::kHrtick) {
      dl_hrtick_start(rq, p.dl); // early: some of the time was not the task's
      return;
    }
    if (!p.dl.overrun) return;
    p.dl.overrun = false;
    ++p.dl.nr_overruns;
    if (const DlOverrunHook hook = overrun_hook.load(std::memory_order_acquire)) hook(p);
  }

  void switched_from(Rq& rq, Task& p) const override REQUIRES(rq.lock) { switched_from_dl(rq, p); }
  void switched_to(Rq& rq, Task& p) const override REQUIRES(rq.lock) { switched_to_dl(rq, p); }
  u64 get_prio(Rq& rq, Task& p) const override REQUIRES(rq.lock) {
    if (&p == rq.donor) update_curr_dl(rq);
    return p.dl.deadline;
  }
  void prio_changed(Rq& rq, Task& p, u64 old_deadline) const override REQUIRES(rq.lock) {
    prio_changed_dl(rq, p, old_deadline);
  }
  void update_curr(Rq& rq) const override REQUIRES(rq.lock) { update_curr_dl(rq); }
};

constinit const DlClass dl;

} // namespace

const SchedClass& dl_sched_class = dl;

void set_dl_overrun_hook(DlOverrunHook hook) { overrun_hook.store(hook, std::memory_order_release); }

} // namespace runnel::sched
