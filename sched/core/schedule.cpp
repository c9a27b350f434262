// SPDX-License-Identifier: Apache-2.0
// schedule(): leave one task, choose the next, switch (spec 1.7, 1.8).
#include <sched/sched.hpp>
#include <sched/sched_class.hpp>

namespace runnel::sched {
namespace {

enum class Mode { kNone, kPreempt, kIdle };

void rq_lock(Rq& rq) ACQUIRE(rq.lock) {
  port::preempt_disable();
  rq.lock.lock();
  port::full_barrier(); // B2, B3, B7: what this CPU stored before is ordered before what it stores from here
                        // on
}

Pick pick_next_task(Rq& rq, Task& prev) REQUIRES(rq.lock) {
  for (const SchedClass* cls : sched_classes()) {
    if (Pick pick = cls->pick_task(rq); pick.task != nullptr) return pick;
    // This class has nothing: let it fetch work, unless something higher arrived while it had dropped the
    // lock.
    if (!cls->balance(rq, prev)) continue;
    if (const Pick pick = cls->pick_task(rq); pick.task != nullptr)
      return {pick.task, trace::PickReason::kPulled};
  }
  __builtin_unreachable(); // the idle class always answers
}

/// What remains to be done on the new task's stack (spec 1.8). Releases the lock prev took (L8).
void finish_task_switch(Task& prev) NO_THREAD_SAFETY_ANALYSIS {
  Rq& rq = this_rq();
  port::assert_(port::preempt_count() == 2);                         // one for schedule, one for the lock
  const u32 prev_state = prev.state.load(std::memory_order_relaxed); // before on_cpu: then it may be gone
  prev.on_cpu.store(0, std::memory_order_release); // B4: pairs with the acquire loads in try_to_wake_up
  rq.lock.unlock();
  port::preempt_enable_no_resched();
  port::irq_enable();
  if ((prev_state & kDead) != 0) [[unlikely]]
    port::task_dead(prev);
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

void trace_switch(const Task& prev, u32 prev_state, const Task& next, trace::PickReason reason) {
  if (port::trace_enabled())
    port::trace(trace::EventType::kSchedSwitch, prev.pid, next.pid,
                prev_state | static_cast<u64>(reason) << 32);
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
  rq_lock(rq);
  update_rq_clock(rq);
  prev.sched_class->update_curr(rq);

  const u32 prev_state = prev.state.load(std::memory_order_relaxed);
  const bool blocks = mode == Mode::kNone && prev_state != kRunning;
  if (blocks) {
    prev.sched_class->put_prev_task(rq, prev);
    deactivate_task(rq, prev, kDequeueSleep);
  } else {
    prev.sched_class->put_prev_task(rq, prev);
  }

  const Pick pick = pick_next_task(rq, prev);
  Task& next = *pick.task;
  rq.next_class = next.sched_class;
  next.sched_class->set_next_task(rq, next);
  set_tick(rq, next);
  prev.thread.flags.fetch_and(~kNeedResched, std::memory_order_relaxed);

  if (&next == &prev) {
    rq.lock.unlock();
    port::preempt_enable_no_resched();
    port::irq_enable();
    return;
  }

  ++rq.nr_switches;
  ++(blocks ? prev.stats.nvcsw : prev.stats.nivcsw);
  next.exec_start = rq.clock_task;
  next.on_cpu.store(1, std::memory_order_relaxed);
  rq.curr = &next;
  trace_switch(prev, blocks ? prev_state : u32{kRunning}, next, pick.reason);
  finish_task_switch(*port::context_switch(prev, next));
}

} // namespace

void schedule() {
  port::assert_(&current() != this_rq().idle);
  do {
    port::preempt_disable();
    schedule_mode(Mode::kNone);
    port::preempt_enable_no_resched();
  } while ((current().thread.flags.load(std::memory_order_relaxed) & kNeedResched) != 0);
}

void schedule_idle() {
  do {
    schedule_mode(Mode::kIdle); // the idle thread has preemption off all its life
  } while ((current().thread.flags.load(std::memory_order_relaxed) & kNeedResched) != 0);
}

void preempt_schedule_irq() {
  do {
    port::preempt_disable();
    schedule_mode(Mode::kPreempt);
    port::irq_disable();
    port::preempt_enable_no_resched();
  } while ((current().thread.flags.load(std::memory_order_relaxed) & kNeedResched) != 0);
}

i32 yield() {
  {
    const port::IrqGuard irqs_off;
    Rq& rq = this_rq();
    rq_lock(rq);
    current().sched_class->yield_task(rq);
    rq.lock.unlock();
    port::preempt_enable_no_resched();
  }
  schedule();
  return 0;
}

void schedule_tail(Task& prev) {
  finish_task_switch(prev);
  port::preempt_enable();
}

void do_task_dead() {
  current().state.store(kDead, std::memory_order_relaxed);
  for (;;) {
    schedule();
    port::relax(); // not reached: a dead task is never picked again
  }
}

void scheduler_tick() {
  Rq& rq = this_rq();
  const port::IrqLockGuard guard(rq.lock);
  update_rq_clock(rq);
  rq.curr->sched_class->update_curr(rq);
  rq.curr->sched_class->task_tick(rq, *rq.curr);
}

} // namespace runnel::sched
