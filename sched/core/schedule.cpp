// SPDX-License-Identifier: Apache-2.0

// schedule(): leave one task, choose the next, switch (spec 1.7, 1.8).
#include "sched/core/schedule.hpp"

#include "sched/mm_cid/switch.hpp"
#include "sched/pi/find_proxy.hpp"
#include "sched/pi/pi.hpp"

#include <sched/migrate_disable.hpp>
#include <sched/proxy.hpp>
#include <sched/sched.hpp>
#include <sched/sched_class.hpp>

namespace runnel::sched {

void put_prev_set_next_task(Rq& rq, Task& prev, Task& next) {
  next.dl_server = rq.dl_server;
  if (&prev == &next) return;
  prev.sched_class->put_prev_task(rq, prev, &next);
  next.sched_class->set_next_task(rq, next, SetNext::kPicked);
  rq.donor = &next;
  next.exec_start = rq_clock_task(rq);
}

namespace {

enum class Mode { kNone, kPreempt, kIdle };

/// All that is runnable here is fair, no server's task comes before it, and no class above it was left: the
/// loops of pick_next_task would end at the fair class. The common case, at a third of their cost.
bool only_fair(const Rq& rq, const SchedClass& left) REQUIRES(rq.lock) {
  return rq.nr_running == rq.fair.nr_runnable && rq.fair.nr_queued != 0 && rq.dl.nr_running == 0 &&
         !rq.dl.wants_pull && !left.outranks(fair_sched_class);
}

/// A realtime task leaves and stays runnable, and nothing comes before its class: it fetches nothing, and
/// gives the next one.
bool rt_goes_on(const Rq& rq, const Task& prev, const SchedClass& left) REQUIRES(rq.lock) {
  return &left == &rt_sched_class && prev.rt.run.is_queued() && rq.dl.nr_running == 0 && !rq.dl.wants_pull &&
         (rq.stop == nullptr || !rq.stop->is_queued());
}

/// Spec 1.7: classes from `left` downwards, which is prev's or that of one that was put before it, may fetch
/// work; then the highest class that has a task gives it.
Pick pick_next_task(Rq& rq, Task& prev, const SchedClass& left) REQUIRES(rq.lock) {
  if (only_fair(rq, left)) [[likely]] {
    rq.dl_server = nullptr;
    if (const Pick pick = fair_sched_class.pick_task(rq); pick.task != nullptr) return pick;
  } else if (rt_goes_on(rq, prev, left)) {
    rq.dl_server = nullptr;
    return rt_sched_class.pick_task(rq);
  }
  for (;;) {
    rq.dl_server = nullptr;
    for (const SchedClass* cls : sched_classes())
      if (!cls->outranks(left) && cls->balance(rq, prev)) break;
    bool again = false;
    for (const SchedClass* cls : sched_classes()) {
      const Pick pick = cls->pick_task(rq);
      if (pick.task != nullptr) return pick;
      again = pick.retry;
      if (again) break;
    }
    port::assert_(again); // the idle class always answers
  }
}

/// Who is charged and who executes next.
struct Choice {
  Pick pick;
  Task* next = nullptr;   // who executes
  bool idle_once = false; // the idle thread, for a moment: look again at once (spec 6)
};

/// Spec 1.7 steps 4 to 6.
Choice choose_next(Rq& rq, Task& prev) REQUIRES(rq.lock) {
  const SchedClass* left = rq.donor->sched_class;
  for (;;) {
    port::assert_(rq.balance_callbacks == nullptr); // P08
    Task& prev_donor = *rq.donor;
    Choice choice{.pick = pick_next_task(rq, prev_donor, *left)};
    Task& donor = *choice.pick.task;
    rq.next_class = donor.sched_class;
    put_prev_set_next_task(rq, prev_donor, donor);
    choice.next = &donor;
    if (!task_is_blocked(donor)) [[likely]]
      return choice;

    if (donor.sched_class->outranks(*left)) left = donor.sched_class;
    choice.next = find_proxy_task(rq, donor);
    if (choice.next == nullptr || choice.next == rq.idle) {
      zap_balance_callbacks(rq); // the next pick makes them anew
      if (choice.next == nullptr) continue;
      choice.idle_once = true;
      choice.pick = {rq.idle, trace::PickReason::kIdle, 0, 0, false};
      return choice;
    }
    if (&donor == &prev_donor && choice.next != &prev) {
      // Step 6: nothing has been put or set, but a class may have missed to push or pull the one that
      // executed.
      donor.sched_class->put_prev_task(rq, donor, &donor);
      donor.sched_class->set_next_task(rq, donor, SetNext::kPicked);
    }
    if (choice.next != &donor)
      choice.pick = {choice.next, trace::PickReason::kProxyOwner, donor.pid, 0, false};
    return choice;
  }
}

/// The CPU goes down: at the end of every schedule() the task that runs here is sent away (spec 1.20).
void keep_pushing(Rq& rq) REQUIRES(rq.lock) {
  if (rq.balance_push) queue_balance_callback(rq, rq.push_everything, rq.push_everything.fn);
}

/// What remains to be done on the new task's stack (spec 1.8). Releases the lock prev took (L8).
void finish_task_switch(Task& prev) NO_THREAD_SAFETY_ANALYSIS {
  Rq& rq = this_rq();
  port::assert_(port::preempt_count() == 2);                         // one for schedule, one for the lock
  const u32 prev_state = prev.state.load(std::memory_order_relaxed); // before on_cpu: then it may be gone
  prev.on_cpu.store(0, std::memory_order_release); // B4: pairs with the acquire loads in try_to_wake_up
  keep_pushing(rq);
  run_balance_callbacks(rq);
  rq_unlock(rq);
  port::irq_enable();
  if ((prev_state & kDead) != 0) [[unlikely]] {
    prev.sched_class->task_dead(prev);
    port::task_dead(prev);
  }
}

/// The tick runs while there is something to share the CPU with or to account; an idle CPU is tickless.
void set_tick(Rq& rq, const Task& next) REQUIRES(rq.lock) {
  const bool wanted = &next != rq.idle;
  if (wanted == rq.tick_running) return;
  rq.tick_running = wanted;
  if (wanted)
    port::tick_start();
  else
    port::tick_stop();
}

/// prev_state as ftrace has it (spec 8.2), which differs from Task::state: 0x100 says that it was preempted,
/// 0x80 that it sleeps and is no load, 0x10 that it is dead.
u32 reported_state(Mode mode, bool blocks, u32 state) {
  static constexpr u32 kReportedPreempted = 0x100, kReportedIdle = 0x80, kReportedDead = 0x10;
  if (!blocks) return mode == Mode::kPreempt ? kReportedPreempted : u32{kRunning};
  if ((state & kDead) != 0) return kReportedDead;
  if ((state & (kUninterruptible | kNoLoad)) == (kUninterruptible | kNoLoad)) return kReportedIdle;
  return state & (kInterruptible | kUninterruptible | kStopped | kTraced | kParked);
}

/// What holds at every switch, whoever executes for whom (C03; spec 6): who was picked and who executes are
/// both of this CPU, who executes does so nowhere else, and does not wait for a mutex.
void check_choice([[maybe_unused]] const Rq& rq, [[maybe_unused]] const Task& prev,
                  [[maybe_unused]] const Task& next) REQUIRES(rq.lock) {
  port::assert_(rq.donor->task_cpu() == rq.cpu && next.task_cpu() == rq.cpu);
  port::assert_(&next == &prev || !next.is_on_cpu());
  port::assert_(!task_is_blocked(next));
}

void trace_switch(const Rq& rq, const Task& prev, u32 prev_state, const Choice& choice) REQUIRES(rq.lock) {
  if (!port::trace_enabled()) return;
  const Task& next = *choice.next;
  port::trace(trace::EventType::kSchedPick, next.pid, choice.pick.a, choice.pick.b);
  if (rq.donor != &next) port::trace(trace::EventType::kSchedProxy, next.pid, rq.donor->pid, 0);
  port::trace(trace::EventType::kSchedSwitch, prev.pid, trace::pack_prio(next.pid, prev.prio, next.prio),
              prev_state | static_cast<u64>(choice.pick.reason) << 32);
}

/// Waiting is what lies between being runnable and executing, whoever lends the context (spec 8.1).
void end_wait(Rq& rq, Task& next) REQUIRES(rq.lock) {
  if (next.stats.wait_start.ns == 0) return;
  const Duration waited = rq_clock(rq) - next.stats.wait_start;
  next.stats.wait_sum += waited;
  rq.counts.waited_ns.add(static_cast<u64>(waited.ns));
  next.stats.wait_start = {};
}

/// preempt_count is 1 on entry; interrupts are on afterwards.
void schedule_mode(Mode mode) NO_THREAD_SAFETY_ANALYSIS {
  port::irq_disable();
  Rq& rq = this_rq();
  Task& prev = *rq.curr;
  port::assert_(port::preempt_count() ==
                1); // else somebody sleeps with a spinlock held or inside an interrupt
  port::assert_no_locks_held("schedule() with a spinlock held");
  port::note_context_switch();
  if (prev.migration_disabled != 0) [[unlikely]]
    pin_migrate_disabled(prev);
  rq_lock(rq);
  port::full_barrier(); // B2, B3, B7: what this CPU stored before is ordered before what it stores from here
                        // on
  update_rq_clock(rq);
  rq.counts.schedules.add();

  const u32 prev_state = prev.state.load(std::memory_order_relaxed);
  bool gives_up = mode != Mode::kPreempt && prev_state != kRunning;
  if (gives_up && prev.signal_pending_state(prev_state)) { // B7: read behind the barrier above
    prev.state.store(kRunning, std::memory_order_relaxed);
    mark_waking(prev);
    gives_up = false;
  }
  // Spec 6: a task that waits for a mutex stays queued, so that its owner can execute in its stead.
  if (gives_up && !task_is_blocked(prev))
    deactivate_task(rq, prev, kDequeueSleep | ((prev_state & kSpecial) != 0 ? u32{kDequeueSpecial} : 0u));

  Choice choice{.pick = {rq.idle, trace::PickReason::kIdle, 0, 0, false}, .next = rq.idle};
  if (mode != Mode::kIdle || rq.nr_running != 0 || rq.dl.nr_running != 0 || rq.dl.wants_pull) {
    choice = choose_next(rq, prev);
  } else {
    rq.next_class = rq.idle->sched_class;
    put_prev_set_next_task(rq, *rq.donor, *rq.idle);
  }
  Task& next = *choice.next;
  check_choice(rq, prev, next);
  set_tick(rq, next);
  if (!choice.idle_once || &prev != rq.idle)
    prev.thread.flags.fetch_and(~(kNeedResched | kNeedReschedLazy), std::memory_order_relaxed);

  if (&next == &prev) {
    keep_pushing(rq);
    run_balance_callbacks(rq);
    rq_unlock(rq);
    port::irq_enable();
    if (choice.idle_once) port::relax();
    return;
  }

  ++rq.nr_switches;
  ++(gives_up ? prev.stats.nvcsw : prev.stats.nivcsw);
  if (!gives_up) prev.stats.wait_start = rq_clock(rq);
  end_wait(rq, next);
  next.on_cpu.store(1, std::memory_order_relaxed);
  rq.curr = &next;
  mm_cid_switch(prev, next, rq.cpu);
  trace_switch(rq, prev, reported_state(mode, gives_up, prev_state), choice);
  finish_task_switch(*port::context_switch(prev, next));
}

bool need_resched() { return (current().thread.flags.load(std::memory_order_relaxed) & kNeedResched) != 0; }

} // namespace

void schedule() {
  port::assert_(&current() != this_rq().idle);
  do {
    port::preempt_disable();
    schedule_mode(Mode::kNone);
    port::preempt_enable_no_resched();
  } while (need_resched());
}

void schedule_idle() {
  do {
    schedule_mode(Mode::kIdle); // the idle thread has preemption off all its life
  } while (need_resched());
}

void preempt_schedule_irq() {
  do {
    port::preempt_disable();
    schedule_mode(Mode::kPreempt);
    port::irq_disable();
    port::preempt_enable_no_resched();
  } while (need_resched());
}

namespace {
/// Whoever yields would be chosen again: nobody else is here, not even a task that sleeps and owes time.
bool is_alone(const Rq& rq) REQUIRES(rq.lock) {
  return rq.nr_running == 1 && rq.fair.nr_queued <= 1 && rq.dl.nr_running == 0 && !rq.dl.wants_pull;
}
} // namespace

i32 yield() {
  {
    const port::IrqGuard irqs_off;
    Rq& rq = this_rq();
    rq_lock(rq);
    rq.counts.yields.add();
    const bool alone = is_alone(rq);
    if (alone)
      port::note_context_switch(); // as schedule() would
    else
      rq.donor->sched_class->yield_task(rq);
    rq_unlock(rq);
    if (alone &&
        (current().thread.flags.load(std::memory_order_relaxed) & (kNeedResched | kNeedReschedLazy)) == 0)
      return 0;
  }
  schedule();
  return 0;
}

void schedule_tail(Task& prev) {
  finish_task_switch(prev);
  port::preempt_enable();
}

void do_task_dead() {
  port::preempt_disable(); // for good: a preemption with the state stored would pass for the last switch
  {
    const port::IrqLockGuard pi(current().pi_lock); // a special state: no waker is half way (spec 1.3)
    current().state.store(kDead, std::memory_order_relaxed);
  }
  schedule_mode(Mode::kNone);
  for (;;) port::assert_(false); // a dead task is never picked again
}

} // namespace runnel::sched
