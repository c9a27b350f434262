// SPDX-License-Identifier: Apache-2.0

// Runqueues: the array, what goes on and off them.
#include <sched/proxy.hpp>
#include <sched/sched.hpp>
#include <sched/sched_class.hpp>

namespace runnel::sched {
namespace {

constinit Rq runqueues[kMaxCpus];

} // namespace

constinit Features features;

Rq& cpu_rq(CpuId cpu) { return runqueues[cpu.value]; }

bool cpu_is_idle(CpuId cpu) {
  const Rq& rq = cpu_rq(cpu);
  return rq.curr == rq.idle && rq.nr_running_hint.load(std::memory_order_relaxed) == 0 &&
         rq.ttwu_pending.load(std::memory_order_relaxed) == 0;
}

u32 rq_random(Rq& rq) {
  u32 x = rq.random; // xorshift32 (Marsaglia 2003)
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return rq.random = x;
}

void add_nr_running(Rq& rq, u32 n) {
  rq.nr_running += n;
  rq.nr_running_hint.store(rq.nr_running, std::memory_order_relaxed);
  if (rq.nr_running > 1 && rq.rd != nullptr && rq.rd->overloaded.load(std::memory_order_relaxed) == 0)
    rq.rd->overloaded.store(1, std::memory_order_relaxed);
}

void sub_nr_running(Rq& rq, u32 n) {
  rq.nr_running -= n;
  rq.nr_running_hint.store(rq.nr_running, std::memory_order_relaxed);
}

void activate_task(Rq& rq, Task& p, u32 flags) {
  p.sched_class->enqueue_task(rq, p, flags);
  if (p.stats.wait_start.ns == 0 && !task_is_blocked(p))
    p.stats.wait_start = rq_clock(rq); // one that moves has waited before
  p.on_rq.store(OnRq::kQueued, std::memory_order_relaxed);
}

bool deactivate_task(Rq& rq, Task& p, u32 flags) {
  if ((flags & kDequeueSleep) == 0) {
    p.on_rq.store(OnRq::kMigrating, std::memory_order_relaxed);
    p.sched_class->dequeue_task(rq, p, flags);
    return true;
  }
  if (!p.sched_class->dequeue_task(rq, p, flags)) return false;
  // B3: on_rq falls only under a lock that was taken after on_cpu was set; release, as in
  // finish_delayed_dequeue.
  p.on_rq.store(OnRq::kNo, std::memory_order_release);
  return true;
}

void finish_delayed_dequeue(Rq& rq, Task& p) {
  sub_nr_running(rq, 1);
  p.sched_delayed = false;
  // The last touch: p is on no CPU, so a waker that reads kNo (B2, B3) may take it elsewhere at once.
  p.on_rq.store(OnRq::kNo, std::memory_order_release);
}

void wakeup_preempt(Rq& rq, Task& p, u32 flags) {
  if (p.sched_class == rq.next_class) {
    p.sched_class->wakeup_preempt(rq, p, flags);
  } else if (p.sched_class->outranks(*rq.next_class)) {
    rq.next_class->wakeup_preempt(rq, p, flags);
    resched_curr(rq);
    rq.next_class = p.sched_class;
  }
}

void set_task_cpu(Task& p, CpuId cpu) {
  const CpuId old = p.task_cpu();
  if (old == cpu) return;
  ++p.stats.nr_migrations;
  if (port::trace_enabled())
    port::trace(trace::EventType::kSchedMigrateTask, p.pid, trace::pack_prio(old.value, p.prio), cpu.value);
  p.sched_class->migrate_task_rq(p, cpu);
  // B6: on_rq == kMigrating is visible before the new cpu; pairs with the acquire in TaskRqLock.
  p.cpu.store(cpu.value, std::memory_order_release);
  p.wake_cpu = cpu.value;
  p.rseq_event.ids_changed = 1;
}

void move_queued_task(Rq& from, Rq& to, Task& p) {
  deactivate_task(from, p, kFlagMigrating);
  set_task_cpu(p, to.cpu);
  activate_task(to, p, kFlagMigrating);
}

CpuStats cpu_stats(CpuId cpu) {
  Rq& rq = cpu_rq(cpu);
  const RqLock guard(rq);
  update_rq_clock(rq);
  Duration idle = rq.idle_time;
  if (rq.curr == rq.idle) idle += rq.clock_task - rq.idle_since;
  return {rq.nr_switches, rq.nr_running, idle, rq.clock_task - rq.counted_since - idle,
          rq.curr != nullptr ? rq.curr->pid : 0};
}

} // namespace runnel::sched
