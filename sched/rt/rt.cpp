// SPDX-License-Identifier: Apache-2.0
// The realtime class, SCHED_FIFO and SCHED_RR (spec 4): what the core asks of it. Moving tasks between CPUs
// is in push_pull.cpp and select.cpp.
#include "sched/rt/rt.hpp"

#include <sched/sched_class.hpp>

namespace runnel::sched {
namespace {

constinit std::atomic<u32> rr_slice_ticks{rr_ticks(kRrTimeslice)};
constinit std::atomic<RtTimeHook> rt_time_hook{nullptr};

/// A dequeue with SAVE but without MOVE keeps the task's place in its list (spec 2.1).
bool keeps_place(u32 flags) { return (flags & (kFlagSave | kFlagMove | kFlagClass)) == kFlagSave; }

bool may_be_pushed(const Rq& rq, const Task& p) { return &p != rq.donor && p.nr_cpus_allowed > 1; }

void update_highest(Rq& rq) REQUIRES(rq.lock) {
  const i32 now = rq.rt.active.highest();
  if (rq.rt.highest_prio() == now) return;
  rq.rt.highest.store(now, std::memory_order_relaxed);
  publish_prio_level(rq);
}

/// Some CPU runs something lower than `p` and is allowed for it.
bool could_run_elsewhere(const Rq& rq, const Task& p) {
  return can_move(p) &&
         rq.rd->cpupri.find(PriLevel::of_prio(p.prio), p.cpus_mask & port::active_cpus(), nullptr);
}

class RtClass final : public SchedClass {
 public:
  constexpr RtClass() : SchedClass("rt", 3) {}

  void enqueue_task(Rq& rq, Task& p, u32 flags) const override REQUIRES(rq.lock) {
    if ((flags & kEnqueueWakeup) != 0) p.rt.ticks_run = 0;
    if (!p.rt.run.is_queued()) {
      rq.rt.active.enqueue(p.rt.run, p.prio, (flags & kEnqueueHead) != 0 ? QueueEnd::kHead : QueueEnd::kTail);
      ++rq.rt.nr_running;
      add_nr_running(rq, 1);
      update_highest(rq);
    }
    if (may_be_pushed(rq, p)) enqueue_pushable_rt(rq, p);
  }

  bool dequeue_task(Rq& rq, Task& p, u32 flags) const override REQUIRES(rq.lock) {
    update_curr(rq);
    dequeue_pushable_rt(rq, p);
    if (keeps_place(flags)) return true;
    rq.rt.active.dequeue(p.rt.run);
    --rq.rt.nr_running;
    sub_nr_running(rq, 1);
    update_highest(rq);
    return true;
  }

  void yield_task(Rq& rq) const override REQUIRES(rq.lock) {
    rq.rt.active.requeue(rq.donor->rt.run, QueueEnd::kTail); // RT2
  }

  void wakeup_preempt(Rq& rq, Task& p, u32) const override REQUIRES(rq.lock) {
    if (p.sched_class != this) return; // of a higher class: the core asks for the reschedule
    const Task& donor = *rq.donor;
    if (p.prio < donor.prio) return resched_curr(rq);
    // RT4, equals: a newcomer that can run nowhere else takes the CPU from one that can.
    if (p.prio != donor.prio || &p == &donor) return;
    if ((rq.curr->thread.flags.load(std::memory_order_relaxed) & kNeedResched) != 0) return;
    if (!can_move(*rq.curr) || !could_run_elsewhere(rq, donor)) return;
    if (could_run_elsewhere(rq, p)) return;
    rq.rt.active.requeue(p.rt.run, QueueEnd::kHead);
    resched_curr(rq);
  }

  bool balance(Rq& rq, Task& prev) const override REQUIRES(rq.lock) {
    // RT7: pull when what is left here is lower than what leaves.
    // The idle thread in its place: a donor that was picked before has gone (spec 6).
    const bool leaves = !prev.rt.run.is_queued() && rq.rt.highest_prio() > prev.prio;
    if ((leaves || &prev == rq.idle) && rq.online) pull_rt_tasks(rq);
    return rq.rt.nr_running != 0 || rq.dl.nr_running != 0 || (rq.stop != nullptr && rq.stop->is_queued());
  }

  Pick pick_task(Rq& rq) const override REQUIRES(rq.lock) {
    PrioNode* first = rq.rt.active.first();
    if (first == nullptr) return {};
    if (rq.rt.push_wanted) queue_push_rt(rq);
    Task& p = task_of(*first);
    return {&p, trace::PickReason::kRtHighest, static_cast<u64>(kMaxRtPrio - 1 - p.prio), rq.rt.nr_running};
  }

  void put_prev_task(Rq& rq, Task& p, Task* next) const override REQUIRES(rq.lock) {
    update_curr(rq);
    if (!p.rt.run.is_queued() || p.nr_cpus_allowed == 1) return;
    enqueue_pushable_rt(rq, p);
    // A deadline task takes the CPU for a while: another one may be free (RT8).
    if (next != nullptr && next->sched_class == &dl_sched_class) queue_push_rt(rq);
  }

  void set_next_task(Rq& rq, Task& p, SetNext how) const override REQUIRES(rq.lock) {
    p.exec_start = rq_clock_task(rq);
    dequeue_pushable_rt(rq, p); // the running task is not moved
    if (how == SetNext::kPicked && rq.rt.overloaded) queue_push_rt(rq);
  }

  CpuId select_task_rq(Task& p, CpuId prev_cpu, u32 wake_flags) const override {
    return select_task_rq_rt(p, prev_cpu, wake_flags);
  }

  /// RT6: the wakee does not get this CPU soon, and no better one was found before: look again, with the
  /// lock.
  void task_woken(Rq& rq, Task& p) const override REQUIRES(rq.lock) {
    const bool waits =
        !p.is_on_cpu() && (rq.curr->thread.flags.load(std::memory_order_relaxed) & kNeedResched) == 0;
    const bool behind_equals = is_rt_prio(rq.donor->prio) || is_dl_prio(rq.donor->prio);
    if (!waits || p.nr_cpus_allowed == 1 || !behind_equals) return;
    if (can_move(*rq.curr) && rq.donor->prio > p.prio) return;
    push_woken_rt_tasks(rq);
  }

  void set_cpus_allowed(Rq& rq, Task& p, const CpuMask& mask) const override REQUIRES(rq.lock) {
    SchedClass::set_cpus_allowed(rq, p, mask);
    if (p.is_queued() && &p != rq.donor)
      queue_push_rt(rq); // it may wait here while a CPU is free that it may use now
  }

  void rq_online(Rq& rq) const override REQUIRES(rq.lock) {
    if (rq.rt.overloaded) set_rt_overload(rq);
    publish_prio_level(rq);
  }

  void rq_offline(Rq& rq) const override REQUIRES(rq.lock) {
    if (rq.rt.overloaded) clear_rt_overload(rq);
    rq.rd->cpupri.set(rq.cpu, {PriLevel::kNone});
  }

  Rq* find_lock_rq(Task& p, Rq& rq) const override { return find_lock_lowest_rq(p, rq); }

  void task_tick(Rq& rq, Task& p, Tick kind) const override REQUIRES(rq.lock) {
    update_curr(rq);
    if (kind != Tick::kPeriodic) return;
    ++p.rt.ticks_run;
    if (const RtTimeHook hook = rt_time_hook.load(std::memory_order_acquire))
      hook(p, port::kTick * p.rt.ticks_run);
    // RT3: FIFO has no slice.
    if (p.policy != Policy::kRr || --p.rt.ticks_left != 0) return;
    p.rt.ticks_left = rr_slice_ticks.load(std::memory_order_relaxed);
    if (rq.rt.active.is_alone(p.rt.run)) return;
    rq.rt.active.requeue(p.rt.run, QueueEnd::kTail);
    resched_curr(rq);
  }

  void task_fork(Task& p) const override {
    p.rt.ticks_left = rr_slice_ticks.load(std::memory_order_relaxed);
    p.rt.ticks_run = 0;
  }

  void switched_from(Rq& rq, Task& p) const override REQUIRES(rq.lock) {
    if (p.is_queued() && rq.rt.nr_running == 0) queue_pull_rt(rq);
  }

  void switched_to(Rq& rq, Task& p) const override REQUIRES(rq.lock) {
    if (!p.is_queued() || &p == rq.donor) return;
    if (p.nr_cpus_allowed > 1 && rq.rt.overloaded) queue_push_rt(rq);
    if (p.prio < rq.donor->prio) resched_curr(rq);
  }

  u64 get_prio(Rq& rq, Task& p) const override REQUIRES(rq.lock) { return static_cast<u64>(p.prio); }

  void prio_changed(Rq& rq, Task& p, u64 old_prio) const override REQUIRES(rq.lock) {
    const i32 old = static_cast<i32>(old_prio);
    if (!p.is_queued() || p.prio == old) return;
    if (&p != rq.donor) {
      if (p.prio < rq.donor->prio)
        resched_curr(rq);
      else if (p.prio < old)
        queue_push_rt(rq); // not enough for this CPU, perhaps for another
      return;
    }
    if (p.prio > old) queue_pull_rt(rq); // RT7
    if (p.prio > rq.rt.highest_prio()) resched_curr(rq);
  }

  Duration get_rr_interval(Rq& rq, Task& p) const override REQUIRES(rq.lock) {
    return p.policy == Policy::kRr ? rr_timeslice() : Duration{};
  }

  void update_curr(Rq& rq) const override REQUIRES(rq.lock) {
    if (rq.donor->sched_class == this) update_curr_common(rq);
  }
};

constinit const RtClass rt;

} // namespace

const SchedClass& rt_sched_class = rt;

void publish_prio_level(Rq& rq) {
  if (!rq.online) return;
  const i32 prio = rq.dl.nr_running != 0 ? kDlPrio : rq.rt.highest_prio();
  rq.rd->cpupri.set(rq.cpu, PriLevel::of_prio(prio));
}

void set_rr_timeslice(Duration slice) {
  rr_slice_ticks.store(rr_ticks(slice.ns > 0 ? slice : kRrTimeslice), std::memory_order_relaxed);
}
Duration rr_timeslice() { return port::kTick * rr_slice_ticks.load(std::memory_order_relaxed); }

void set_rt_time_hook(RtTimeHook hook) { rt_time_hook.store(hook, std::memory_order_release); }

} // namespace runnel::sched
