// SPDX-License-Identifier: Apache-2.0
#include "sched/balance/load.hpp"

#include "sched/balance/pelt.hpp"
#include "sched/fair/eevdf.hpp"

#include <algorithm>
#include <sched/sched_class.hpp>

namespace runnel::sched {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

u64 weight_of(const Task& p) { return p.se.weight >> 10; }

/// Only the lock's holder writes these, so that a load and a store make an update.
void add(std::atomic<u64>& sum, u64 value) { sum.store(sum.load(kRelaxed) + value, kRelaxed); }
void subtract(std::atomic<u64>& sum, u64 value) {
  const u64 old = sum.load(kRelaxed);
  sum.store(old - std::min(old, value), kRelaxed); // roundings may have made the part larger than the whole
}

/// Takes out what sleepers took along that woke up elsewhere.
void take_out_removed(QueueLoad& q) {
  if (q.removed.runnable.load(kRelaxed) == 0 && q.removed.load.load(kRelaxed) == 0) return;
  subtract(q.sums.load, q.removed.load.exchange(0, kRelaxed));
  subtract(q.sums.runnable, q.removed.runnable.exchange(0, kRelaxed));
  subtract(q.sums.running, q.removed.running.exchange(0, kRelaxed));
}

void advance_queue(QueueLoad& q, u64 now_us) {
  if (q.updated_us.load(kRelaxed) == now_us) return take_out_removed(q); // one leaves and another one begins
  const pelt::Step by = pelt::step(q.updated_us.load(kRelaxed), now_us);
  const auto advance = [&](std::atomic<u64>& sum, u64 rate) {
    sum.store(pelt::advance(sum.load(kRelaxed), by, rate), kRelaxed);
  };
  advance(q.sums.load, q.weight);
  advance(q.sums.runnable, q.nr_runnable.load(kRelaxed));
  advance(q.sums.running, q.running ? 1 : 0);
  q.updated_us.store(now_us, kRelaxed);
  take_out_removed(q);
}

void advance_task(TaskLoad& t, u64 now_us) {
  if (t.updated_us == now_us) return;
  const pelt::Step by = pelt::step(t.updated_us, now_us);
  t.runnable_sum = pelt::advance(t.runnable_sum, by, t.queued ? 1 : 0);
  t.running_sum = pelt::advance(t.running_sum, by, t.running ? 1 : 0);
  t.updated_us = now_us;
}

/// What the queue's sums grow by from now on.
void read_rates(Rq& rq) REQUIRES(rq.lock) {
  QueueLoad& q = rq.balance.load;
  q.weight = eevdf::total_weight(rq.fair.eevdf) >> 10;
  q.nr_runnable.store(rq.fair.nr_runnable, kRelaxed);
  q.nr_delayed.store(rq.fair.nr_queued - rq.fair.nr_runnable, kRelaxed);
  const FairEntity* curr = rq.fair.eevdf.curr;
  q.running = curr != nullptr && curr->on_rq;
}

u64 now_us(const Rq& rq) REQUIRES(rq.lock) { return pelt::to_us(rq_clock_task(rq).ns); }

/// A task without a past counts as one that always was runnable and takes half of what its CPU has left.
void guess_past(QueueLoad& q, TaskLoad& t, u64 now) {
  const u64 all = pelt::divider(now);
  t.runnable_sum = all;
  t.running_sum = (all - std::min(all, q.sums.running.load(kRelaxed))) / 2;
}

void attach(Rq& rq, Task& p) REQUIRES(rq.lock) {
  QueueLoad& q = rq.balance.load;
  add(q.sums.load, weight_of(p) * p.load.runnable_sum);
  add(q.sums.runnable, p.load.runnable_sum);
  add(q.sums.running, p.load.running_sum);
  p.load.attached_to = rq.cpu.value + 1;
}

void detach(Rq& rq, Task& p) REQUIRES(rq.lock) {
  QueueLoad& q = rq.balance.load;
  subtract(q.sums.load, weight_of(p) * p.load.runnable_sum);
  subtract(q.sums.runnable, p.load.runnable_sum);
  subtract(q.sums.running, p.load.running_sum);
  p.load.attached_to = 0;
}

} // namespace

void load_enqueued(Rq& rq, Task& p, u32 flags) {
  const u64 now = now_us(rq);
  advance_queue(rq.balance.load, now);
  if ((flags & kEnqueueInitial) != 0) {
    p.load = {.updated_us = now};
    guess_past(rq.balance.load, p.load, now);
  }
  advance_task(p.load, now);
  if (p.load.attached_to != rq.cpu.value + 1) attach(rq, p);
  p.load.queued = true;
  read_rates(rq);
}

void load_dequeued(Rq& rq, Task& p, u32 flags) {
  const u64 now = now_us(rq);
  advance_queue(rq.balance.load, now);
  advance_task(p.load, now);
  p.load.queued = false;
  // A sleeper's past stays; who moves, or comes back with another weight or class, takes it along.
  if ((flags & kDequeueSleep) == 0 && p.load.attached_to == rq.cpu.value + 1) detach(rq, p);
  read_rates(rq);
}

// Who stops and who starts are on the queue, or not, as before: of the rates only this one changes.
void load_started(Rq& rq, Task& p) {
  const u64 now = now_us(rq);
  advance_queue(rq.balance.load, now);
  rq.balance.load.running = p.se.on_rq;
  advance_task(p.load, now);
  p.load.running = true;
}

void load_stopped(Rq& rq, Task& p) {
  const u64 now = now_us(rq);
  advance_queue(rq.balance.load, now);
  rq.balance.load.running = false;
  advance_task(p.load, now);
  p.load.running = false;
}

void load_changed(Rq& rq) {
  advance_queue(rq.balance.load, now_us(rq));
  read_rates(rq);
}

void load_leaves_asleep(Task& p) {
  if (p.load.attached_to == 0) return;
  LoadSums& removed = cpu_rq(CpuId{p.load.attached_to - 1}).balance.load.removed;
  // The clocks of two CPUs differ by the time spent in interrupts; that is not what the averages are about.
  advance_task(p.load, pelt::to_us(port::clock().ns));
  removed.load.fetch_add(weight_of(p) * p.load.runnable_sum, kRelaxed);
  removed.runnable.fetch_add(p.load.runnable_sum, kRelaxed);
  removed.running.fetch_add(p.load.running_sum, kRelaxed);
  p.load.attached_to = 0;
}

u64 task_load(const Task& p) { return weight_of(p) * p.load.runnable_sum / pelt::divider(p.load.updated_us); }

CpuLoad cpu_load(CpuId cpu) {
  const QueueLoad& q = cpu_rq(cpu).balance.load;
  const u64 updated = q.updated_us.load(kRelaxed);
  u64 periods = 0;
  // Nobody updates the averages of a CPU that has nothing to run.
  if (q.nr_runnable.load(kRelaxed) == 0) periods = pelt::step(updated, pelt::to_us(port::clock().ns)).periods;
  const u64 all = pelt::divider(updated);
  const auto average = [&](const std::atomic<u64>& sum, u64 scale) {
    return pelt::decay(sum.load(kRelaxed), periods) * scale / all;
  };
  return {average(q.sums.load, 1), average(q.sums.runnable, 1024),
          std::min<u64>(1024, average(q.sums.running, 1024))};
}

} // namespace runnel::sched
